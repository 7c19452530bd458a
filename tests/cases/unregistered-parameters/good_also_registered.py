"""A plain list of layers that are registered under other names."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 8)
        self.layers = [self.first, self.second]
        self.more = []
        for i in range(2):
            layer = nn.Linear(8, 8)
            self.add_module(f"more{i}", layer)
            self.more.append(layer)
        stack = [nn.Linear(8, 8), nn.Tanh()]
        self.parts = stack
        self.stack = nn.Sequential(*stack)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        for layer in [*self.layers, *self.more]:
            x = torch.tanh(layer(x))
        return self.out(self.stack(x))


torch.manual_seed(0)
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
