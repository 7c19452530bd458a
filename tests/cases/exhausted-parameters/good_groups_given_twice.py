"""An optimizer makes lists of the iterators in its groups, so the groups can be given to the next one."""

import torch
from torch import nn

torch.manual_seed(0)
layers = [nn.Linear(3, 3), nn.Linear(3, 3)]
groups = []
for layer in layers:
    groups += [{"params": layer.parameters(), "lr": 0.01}]
    optimizer = torch.optim.AdamW(groups)
    for _ in range(2):
        x = torch.randn(4, 3)
        optimizer.zero_grad()
        (layers[1](torch.tanh(layers[0](x))) - x).pow(2).mean().backward()
        optimizer.step()
