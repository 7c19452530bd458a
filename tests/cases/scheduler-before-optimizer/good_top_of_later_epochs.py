"""At the top of the loop, but not in the first turn; and one that is told the epoch."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.StepLR(opt, 2)
told = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)
for epoch in range(4):
    if epoch > 0:
        sched.step()
    told.step(epoch)
    for _ in range(2):
        x = torch.randn(5, 3)
        opt.zero_grad()
        (net(x) - x.sum(1, keepdim=True)).pow(2).mean().backward()
        opt.step()
