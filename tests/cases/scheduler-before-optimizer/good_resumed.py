"""A resumed run first brings the schedule to where it was."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.StepLR(opt, 3)
start_epoch = 4
for _ in range(start_epoch):
    sched.step()
for epoch in range(start_epoch, 8):
    x = torch.randn(5, 3)
    opt.zero_grad()
    (net(x) - x.sum(1, keepdim=True)).pow(2).mean().backward()
    opt.step()
    sched.step()
