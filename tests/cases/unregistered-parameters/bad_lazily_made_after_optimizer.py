"""Made by the first forward, when the optimizer exists already."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.proj = None

    def forward(self, x):
        h = torch.tanh(self.body(x))
        if self.proj is None:
            self.proj = nn.Linear(h.shape[1], 1)  # expect: GG304
        return self.proj(h)


torch.manual_seed(0)
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
