"""A property gives a new iterator each time."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.head = nn.Linear(4, 1)

    @property
    def trained(self):
        return self.head.parameters()

    def forward(self, x):
        return self.head(self.body(x).detach().relu())


torch.manual_seed(0)
net = Net()
opt = torch.optim.SGD(net.trained, lr=0.1)
for _ in range(3):
    opt.zero_grad()
    net(torch.randn(4, 3)).pow(2).mean().backward()
    nn.utils.clip_grad_norm_(net.trained, 1.0)
    opt.step()
