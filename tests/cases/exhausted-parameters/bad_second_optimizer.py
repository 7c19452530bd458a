"""Two optimizers are made of one iterator: the second one is refused."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
params = model.parameters()
warm = torch.optim.SGD(params, lr=0.1)
for _ in range(2):
    warm.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    warm.step()
fine = torch.optim.Adam(params, lr=0.01)  # expect: GG306
fine.zero_grad()
model(torch.randn(4, 3)).pow(2).mean().backward()
fine.step()
