# The grad mode is remembered and put back.
import torch
from torch import nn


def validate(model, x):
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    value = model(x).sum().item()
    torch.set_grad_enabled(before)
    return value


torch.manual_seed(0)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    x = torch.randn(3, 4)
    loss = model(x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    validate(model, x)
