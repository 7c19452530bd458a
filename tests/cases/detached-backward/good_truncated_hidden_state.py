# The hidden state is cut from turn to turn, and the network gets its gradient within each turn.
import torch
from torch import nn

torch.manual_seed(0)
rnn, out = nn.RNNCell(3, 4), nn.Linear(4, 1)
optimizer = torch.optim.SGD([*rnn.parameters(), *out.parameters()], lr=0.1)
h = torch.zeros(2, 4)
for _ in range(3):
    h = rnn(torch.randn(2, 3), h)
    loss = out(h).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    h = h.data
