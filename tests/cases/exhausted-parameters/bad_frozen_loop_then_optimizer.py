"""A loop that initializes uses up the iterator that a later loop is meant to look at."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
trainable = (p for p in model.parameters() if p.requires_grad)
opt = torch.optim.Adam(trainable, lr=1e-2)
for _ in range(3):
    x = torch.randn(5, 3)
    opt.zero_grad()
    (model(x) - x[:, :1]).pow(2).mean().backward()
    nn.utils.clip_grad_value_(trainable, 0.5)  # expect: GG306
    opt.step()
