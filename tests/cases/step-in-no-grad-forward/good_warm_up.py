"""The head is trained alone in the first epochs, then both are."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, head = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.05)
x, y = torch.randn(8, 4), torch.randn(8, 1)
for epoch in range(6):
    if epoch < 3:
        with torch.no_grad():
            features = encoder(x)
    else:
        features = encoder(x)
    loss = nn.functional.mse_loss(head(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
