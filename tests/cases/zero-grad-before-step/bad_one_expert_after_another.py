# Each expert has a head of its own on a common trunk; clearing before each leaves the last one's gradients.
import torch
from torch import nn


class Experts(nn.Module):
    def __init__(self, names):
        super().__init__()
        self.trunk = nn.Linear(4, 6)
        self.experts = nn.ModuleDict({name: nn.Linear(6, 1) for name in names})

    def forward(self, x, name):
        return self.experts[name](torch.tanh(self.trunk(x)))


torch.manual_seed(0)
model = Experts(["day", "night"])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    total = 0.0
    for name in ("day", "night"):
        x = torch.randn(5, 4)
        optimizer.zero_grad()  # expect: GG102
        loss = (model(x, name) - x.sum(1, keepdim=True)).square().mean()
        loss.backward()
        total += loss.item()
    optimizer.step()
