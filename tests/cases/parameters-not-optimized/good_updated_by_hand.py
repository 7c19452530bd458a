"""A learned temperature is updated by hand, beside the optimizer of the network."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
temperature = nn.Parameter(torch.ones(1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x) / temperature, y).backward()
    optimizer.step()
    with torch.no_grad():
        temperature -= 0.01 * temperature.grad
    temperature.grad = None
