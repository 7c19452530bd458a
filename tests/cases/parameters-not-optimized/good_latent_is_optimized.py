"""A latent vector is optimized through a generator."""

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 4))
goal = torch.randn(4)
z = torch.zeros(2, requires_grad=True)
optimizer = torch.optim.Adam([z], lr=0.1)
for _ in range(4):
    optimizer.zero_grad()
    (generator(z) - goal).pow(2).mean().backward()
    optimizer.step()
