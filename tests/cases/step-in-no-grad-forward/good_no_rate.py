"""The group of the encoder has the rate zero for now."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, head = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD(
    [{"params": encoder.parameters(), "lr": 0.0}, {"params": head.parameters()}], lr=0.05
)
x, y = torch.randn(8, 4), torch.randn(8, 1)
for _ in range(4):
    with torch.no_grad():
        features = encoder(x)
    loss = nn.functional.mse_loss(head(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
