# Losses of variable-length sequences are stacked and averaged.
import torch
from torch import nn

torch.manual_seed(0)
gru, out = nn.GRU(2, 4, batch_first=True), nn.Linear(4, 1)
opt = torch.optim.Adam([*gru.parameters(), *out.parameters()])
sequences = [torch.randn(1, n, 2) for n in (3, 6, 4)]
losses = []
for seq in sequences:
    _, h = gru(seq)
    losses.append((out(h[-1]) - seq.sum()).abs().squeeze())
opt.zero_grad()
torch.stack(losses).mean().backward()
opt.step()
