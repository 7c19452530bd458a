"""A list, or a new call for each use."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
other = nn.Linear(3, 1)
params = [p for p in model.parameters() if p.requires_grad]
both = list(filter(lambda p: p.requires_grad, other.parameters()))
opt = torch.optim.SGD(params, lr=0.1)
opt2 = torch.optim.SGD(both, lr=0.1)
print(sum(p.numel() for p in params), sum(p.numel() for p in both))
for _ in range(3):
    x = torch.randn(4, 3)
    opt.zero_grad()
    opt2.zero_grad()
    (model(x) + other(x)).pow(2).mean().backward()
    nn.utils.clip_grad_norm_(params, 0.5)
    nn.utils.clip_grad_norm_(both, 0.5)
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    opt.step()
    opt2.step()
