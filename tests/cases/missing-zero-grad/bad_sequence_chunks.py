# Truncated BPTT: cleared once per sequence, but there is a step for every chunk of it.
import torch
import torch.nn as nn


class CharRNN(nn.Module):
    def __init__(self, vocab=8, hidden=10):
        super().__init__()
        self.hidden = hidden
        self.cell = nn.RNNCell(vocab, hidden)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, chunk, h):
        logits = []
        for x in chunk:
            h = self.cell(x, h)
            logits.append(self.out(h))
        return torch.stack(logits), h


torch.manual_seed(0)
rnn, k = CharRNN(), 4
optimizer = torch.optim.Adam(rnn.parameters(), lr=5e-3)
for epoch in range(2):
    sequence = torch.randint(0, 8, (17, 3))
    onehot = nn.functional.one_hot(sequence, 8).float()
    h = torch.zeros(3, rnn.hidden)
    optimizer.zero_grad()
    for start in range(0, 16, k):
        logits, h = rnn(onehot[start : start + k], h.detach())
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), sequence[start + 1 : start + k + 1].flatten())
        loss.backward()  # expect: GG101
        optimizer.step()
    print(epoch, loss.item())
