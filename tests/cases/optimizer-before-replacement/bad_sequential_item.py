"""An item of a Sequential is replaced after the optimizer was made."""

import torch
from torch import nn



torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)  # expect: GG305
model[2] = nn.Linear(6, 3)
for _ in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
