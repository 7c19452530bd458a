"""One schedule per batch, one per epoch, and a plateau schedule: each after the step."""

import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR, OneCycleLR, ReduceLROnPlateau

torch.manual_seed(0)
net, other = nn.Linear(3, 1), nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
opt2 = torch.optim.SGD(other.parameters(), lr=0.1)
cycle = OneCycleLR(opt, max_lr=0.2, total_steps=8)
decay = ExponentialLR(opt2, gamma=0.9)
plateau = ReduceLROnPlateau(opt2, patience=0)
for epoch in range(4):
    for _ in range(2):
        x = torch.randn(5, 3)
        for model, optimizer in ((net, opt), (other, opt2)):
            optimizer.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
            loss.backward()
            optimizer.step()
        cycle.step()
    decay.step()
    plateau.step(loss.item())
