import torch
from torch import nn

torch.manual_seed(0)
layer = nn.Linear(4, 4)
scale = torch.ones(4, requires_grad=True)
optimizer = torch.optim.SGD([*layer.parameters(), scale], lr=0.1)
for _ in range(3):
    h = layer(torch.rand(2, 4))
    out = h * scale
    h.data.mul_(0.5)  # expect: GG504
    loss = (out + h).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
