"""Whether the encoder is trained is an option of the script."""

import torch
from torch import nn

torch.manual_seed(0)
FREEZE = True
encoder, head = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.05)
x, y = torch.randn(8, 4), torch.randn(8, 1)


def encode(batch):
    with torch.no_grad():
        return encoder(batch)


for _ in range(4):
    features = encode(x) if FREEZE else encoder(x)
    loss = nn.functional.mse_loss(head(features), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
