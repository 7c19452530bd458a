"""The slow copy of the encoder follows by hand and is in no optimizer."""

import copy

import torch
from torch import nn

torch.manual_seed(0)
online, predictor = nn.Linear(4, 4), nn.Linear(4, 4)
slow = copy.deepcopy(online)
optimizer = torch.optim.SGD([*online.parameters(), *predictor.parameters()], lr=0.05)
for _ in range(4):
    x = torch.randn(8, 4)
    with torch.no_grad():
        goal = slow(x + 0.1)
    loss = (predictor(online(x)) - goal).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for mine, other in zip(slow.parameters(), online.parameters(), strict=True):
            mine.lerp_(other, 0.01)
