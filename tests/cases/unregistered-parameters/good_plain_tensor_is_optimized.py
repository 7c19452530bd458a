import torch
from torch import nn


class Fit(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.shift = torch.zeros(3, requires_grad=True)
        self.scale = torch.ones(3)

    def forward(self, x):
        return self.layer(x) * self.scale + self.shift


model = Fit()
optimizer = torch.optim.SGD([{"params": model.parameters()}, {"params": [model.shift], "lr": 0.01}], lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    optimizer.step()
