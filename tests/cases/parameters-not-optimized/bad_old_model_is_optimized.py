"""The model is made a second time after its optimizer."""

import torch
from torch import nn

def build():
    return nn.Linear(3, 1)


torch.manual_seed(0)
net = build()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # expect: GG303
net = build()
for _ in range(4):
    x = torch.randn(5, 3)
    optimizer.zero_grad()
    loss = (net(x) - x[:, :1]).pow(2).mean()
    loss.backward()
    optimizer.step()
