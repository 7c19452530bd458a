"""unscale_ is called, but only after the clip."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 1)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
for _ in range(4):
    x = torch.randn(5, 4)
    loss = (net(x) - x[:, :1]).pow(2).mean()
    scaler.scale(loss).backward()
    nn.utils.clip_grad_value_(net.parameters(), 0.5)  # expect: GG108
    scaler.unscale_(opt)
    scaler.step(opt)
    scaler.update()
    opt.zero_grad()
