"""A running scale takes part in the loss, and is updated before the backward."""
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scale = torch.ones(2)
for _ in range(3):
    output = model(torch.rand(4, 3))
    loss = (output * scale).pow(2).mean()
    scale *= 0.9  # expect: GG502
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
