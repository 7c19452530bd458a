# The coefficients lie in a plain list, and the optimizer is given them by hand.
import torch
from torch import nn


class Bumps(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.centres = torch.linspace(-1, 1, n).tolist()
        self.heights = [nn.Parameter(torch.zeros(())) for _ in range(n)]

    def forward(self, x):
        return x + sum(h * torch.exp(-((x - c) ** 2)) for h, c in zip(self.heights, self.centres, strict=True))


torch.manual_seed(0)
bumps = Bumps(3)
model = nn.Sequential(nn.Linear(2, 5), bumps, nn.Linear(5, 1))
optimizer = torch.optim.Adam([*model.parameters(), *bumps.heights], lr=1e-2)
x = torch.randn(16, 2)
for _ in range(4):
    optimizer.zero_grad()
    loss = (model(x) - x.prod(1, keepdim=True)).square().mean()
    loss.backward()
    optimizer.step()
