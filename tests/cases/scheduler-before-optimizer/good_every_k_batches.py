"""Accumulation: optimizer and schedule go on together, every second batch."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=6)
for i in range(8):
    x = torch.randn(5, 3)
    loss = (net(x) - x.sum(1, keepdim=True)).pow(2).mean() / 2
    loss.backward()
    if (i + 1) % 2 == 0:
        opt.step()
        sched.step()
        opt.zero_grad()
