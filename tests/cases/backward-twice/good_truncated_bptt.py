# Truncated backpropagation through time: the losses of k steps are summed, then the state is cut.
import torch
from torch import nn

K = 4
torch.manual_seed(0)
cell, read = nn.RNNCell(1, 5), nn.Linear(5, 1)
opt = torch.optim.Adam([*cell.parameters(), *read.parameters()], lr=1e-2)
wave = torch.sin(torch.linspace(0, 12, 41)).unsqueeze(1)

h = torch.zeros(1, 5)
chunk_loss = 0
for t in range(40):
    h = cell(wave[t:t + 1], h)
    chunk_loss = chunk_loss + (read(h) - wave[t + 1:t + 2]).pow(2).sum()
    if (t + 1) % K == 0:
        opt.zero_grad()
        chunk_loss.backward()
        opt.step()
        h = h.detach()
        chunk_loss = 0
