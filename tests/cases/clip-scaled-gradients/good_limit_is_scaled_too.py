"""The limit is multiplied by the scale instead of dividing the gradients by it."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 1)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    scaler.scale((net(x) - x[:, :1]).pow(2).mean()).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5 * scaler.get_scale())
    scaler.step(opt)
    scaler.update()
