"""The optimizer has the parameters of a copy, the loss is that of the original."""

import torch
from torch import nn

import copy

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
best = copy.deepcopy(model)
optimizer = torch.optim.SGD(best.parameters(), lr=0.1)  # expect: GG303
for _ in range(4):
    x = torch.randn(5, 3)
    optimizer.zero_grad()
    loss = (model(x) - x[:, :1]).pow(2).mean()
    loss.backward()
    optimizer.step()
