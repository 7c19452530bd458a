# An activation with learnable coefficients in a plain list: it has no registered parameter at all.
import torch
from torch import nn


class Bumps(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.centres = torch.linspace(-1, 1, n).tolist()
        self.heights = [nn.Parameter(torch.zeros(())) for _ in range(n)]  # expect: GG304

    def forward(self, x):
        return x + sum(h * torch.exp(-((x - c) ** 2)) for h, c in zip(self.heights, self.centres, strict=True))


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 5), Bumps(3), nn.Linear(5, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(16, 2)
for _ in range(4):
    optimizer.zero_grad()
    loss = (model(x) - x.prod(1, keepdim=True)).square().mean()
    loss.backward()
    optimizer.step()
