# Hand-stacked LSTM cells: the list of states outlives the batch.
import torch
from torch import nn
from torch.nn import functional as F


class StackedLSTM(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.cells = nn.ModuleList(nn.LSTMCell(a, b) for a, b in zip(sizes, sizes[1:]))

    def blank(self, batch):
        return [(torch.zeros(batch, c.hidden_size), torch.zeros(batch, c.hidden_size)) for c in self.cells]

    def forward(self, x, states):
        for i, cell in enumerate(self.cells):
            states[i] = cell(x, states[i])
            x = states[i][0]
        return x


torch.manual_seed(3)
rnn = StackedLSTM([4, 6, 3])
opt = torch.optim.Adagrad(rnn.parameters(), lr=0.05)
states = rnn.blank(batch=2)
for step in range(3):
    opt.zero_grad()
    y = rnn(torch.randn(2, 4), states)
    loss = F.smooth_l1_loss(y, torch.zeros_like(y))
    loss.backward()  # expect: GG201
    opt.step()
