import torch
from torch import nn


def prune(layer, keep):
    mask = torch.rand_like(layer.weight) < keep
    layer.weight.mul_(mask)  # expect: GG501


torch.manual_seed(0)
layer = nn.Linear(4, 2)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    layer(torch.rand(3, 4)).square().sum().backward()
    optimizer.step()
    prune(layer, 0.5)
