"""The quantized code is detached in one term, and the gradient passes by it in the other."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)
codes = nn.Embedding(5, 2)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), *codes.parameters()], lr=1e-2)
for _ in range(4):
    x = torch.randn(8, 4)
    z = encoder(x)
    near = codes(torch.cdist(z, codes.weight).argmin(1))
    passed = z + (near - z).detach()
    loss = (decoder(passed) - x).pow(2).mean() + (near - z.detach()).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
