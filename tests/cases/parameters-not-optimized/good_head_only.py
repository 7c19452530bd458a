"""Only the head is trained; nobody has frozen the backbone, and nothing is lost by that."""

import torch
from torch import nn

torch.manual_seed(0)
backbone, head = nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 3)
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
for _ in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(head(backbone(x)), y).backward()
    optimizer.step()
