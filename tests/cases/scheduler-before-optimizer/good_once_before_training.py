"""A first step of the schedule before the training, so that a warm-up does not begin at zero."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, step / 10))
sched.step()
for step in range(6):
    x = torch.randn(5, 3)
    opt.zero_grad()
    (net(x) - x.sum(1, keepdim=True)).pow(2).mean().backward()
    opt.step()
    sched.step()
