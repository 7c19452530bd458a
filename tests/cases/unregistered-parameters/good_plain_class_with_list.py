"""A class that is no module gives the parameters itself."""

import torch
from torch import nn


class Net:
    def __init__(self):
        self.layers = [nn.Linear(4, 8), nn.Linear(8, 1)]

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]

    def __call__(self, x):
        return self.layers[1](torch.tanh(self.layers[0](x)))


torch.manual_seed(0)
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
