"""The norm is asked for after the step, for the log: a limit of infinity clips nothing."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    x = torch.randn(6, 3)
    opt.zero_grad()
    (net(x) - x[:, :1]).pow(2).mean().backward()
    opt.step()
    norm = nn.utils.clip_grad_norm_(net.parameters(), float("inf"))
    print(norm.item())
