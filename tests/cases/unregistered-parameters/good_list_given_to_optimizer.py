"""A plain list whose parameters the optimizer gets as well."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.heads = [nn.Linear(8, 1), nn.Linear(8, 1)]

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return self.heads[0](h) + self.heads[1](h)


torch.manual_seed(0)
model = Net()
params = list(model.parameters())
for head in model.heads:
    params += list(head.parameters())
opt = torch.optim.Adam(params, lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
