"""Heads in a plain dict, picked by a key."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.heads = {"a": nn.Linear(8, 1), "b": nn.Linear(8, 1)}  # expect: GG304

    def forward(self, x):
        h = self.body(x)
        return self.heads["a"](h) + self.heads["b"](h)


torch.manual_seed(0)
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
