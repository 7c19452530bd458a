"""No operation needs the old value: linear layers and sums do not keep their results."""
import torch
from torch import nn

torch.manual_seed(0)
layer, head = nn.Linear(4, 4), nn.Linear(4, 2)
optimizer = torch.optim.SGD([*layer.parameters(), *head.parameters()], lr=0.1)
for _ in range(3):
    x = torch.rand(2, 4)
    x.data[:, 0] = 1
    h = layer(x) + 1
    h.data.clamp_(-5, 5)
    h.data[0] = 0
    loss = head(h).pow(2).mean()
    loss.data.clamp_(max=10)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    h.data.zero_()
