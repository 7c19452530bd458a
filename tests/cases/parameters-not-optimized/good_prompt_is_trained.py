"""A soft prompt in front of a model that is used as it is."""

import torch
from torch import nn

class Prompted(nn.Module):
    def __init__(self, lm):
        super().__init__()
        self.prompt = nn.Parameter(torch.zeros(1, 4))
        self.lm = lm

    def forward(self, x):
        return self.lm(x + self.prompt)


torch.manual_seed(0)
model = Prompted(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
optimizer = torch.optim.Adam([model.prompt], lr=0.1)
for _ in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 2, (5,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
