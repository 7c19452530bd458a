"""A layer is added to a model whose optimizer exists."""

import torch
from torch import nn



torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # expect: GG305
model.add_module("last", nn.Linear(6, 3))
for _ in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
