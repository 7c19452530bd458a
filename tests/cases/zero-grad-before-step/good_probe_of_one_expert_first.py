# A probe of one head is cleared away before the step that trains both.
import torch
from torch import nn

torch.manual_seed(0)
trunk, left, right = nn.Linear(4, 6), nn.Linear(6, 1), nn.Linear(6, 1)
optimizer = torch.optim.SGD([*trunk.parameters(), *left.parameters(), *right.parameters()], lr=0.1)
for _ in range(3):
    x = torch.randn(5, 4)
    left(torch.tanh(trunk(x))).square().mean().backward()
    norm = trunk.weight.grad.norm().item()
    optimizer.zero_grad()
    hidden = torch.tanh(trunk(x))
    loss = (left(hidden) + right(hidden)).square().mean() / (1 + norm)
    loss.backward()
    optimizer.step()
