"""A step is left out where the norm is not finite; the gradients are cleared anyway."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(6):
    x = torch.randn(6, 3)
    loss = (net(x) - x[:, :1]).pow(2).mean()
    if i == 2:
        loss = loss * float("nan")
    loss.backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    if torch.isfinite(norm):
        opt.step()
    opt.zero_grad()
