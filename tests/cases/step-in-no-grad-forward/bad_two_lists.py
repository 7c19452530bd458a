"""The encoder is in the optimizer beside the head, and only ever runs without gradients."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, head = nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 1)
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(head.parameters()), lr=0.05)
x, y = torch.randn(8, 4), torch.randn(8, 1)
for _ in range(4):
    with torch.no_grad():  # expect: GG403
        features = encoder(x)
    loss = nn.functional.mse_loss(head(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
