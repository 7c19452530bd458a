import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(4, 3, requires_grad=True)
y = x.clone()
y[0] = 0.0
y += 1
z = x * 1
z[:, 1].mul_(2)
network = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2))
loss = (y * z).sum() + network(x.clone()).sum()
loss.backward()
print(x.grad)
