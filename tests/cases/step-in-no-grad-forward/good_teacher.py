"""A teacher that no optimizer has."""

import torch
from torch import nn

torch.manual_seed(0)
teacher, body, head = nn.Linear(4, 2), nn.Linear(4, 8), nn.Linear(8, 2)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.05)
for _ in range(4):
    x = torch.randn(8, 4)
    with torch.no_grad():
        goal = teacher(x)
    loss = nn.functional.mse_loss(head(torch.relu(body(x))), goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
