"""The same code with a scaler that is switched off: nothing is scaled."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 1)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", enabled=False)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    scaler.scale((net(x) - x[:, :1]).pow(2).mean()).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    scaler.step(opt)
    scaler.update()
