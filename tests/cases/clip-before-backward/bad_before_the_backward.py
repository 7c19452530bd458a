"""The clip stands between zero_grad and backward: there is nothing to clip."""

import torch
from torch import nn


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 6, batch_first=True)
        self.out = nn.Linear(6, 4)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


def train_epoch(model, loader, optimizer, criterion, clip):
    for src, trg in loader:
        optimizer.zero_grad()
        loss = criterion(model(src), trg)
        nn.utils.clip_grad_norm_(model.parameters(), clip)  # expect: GG107
        loss.backward()
        optimizer.step()


torch.manual_seed(0)
model = Seq2Seq()
loader = [(torch.randn(2, 5, 4), torch.randn(2, 5, 4)) for _ in range(3)]
train_epoch(model, loader, torch.optim.Adam(model.parameters()), nn.MSELoss(), 1.0)
