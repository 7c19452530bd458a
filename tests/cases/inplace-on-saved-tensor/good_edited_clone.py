import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 4)
x = torch.rand(3, 4)
y = torch.sigmoid(model(x))
shown = y.clone()
shown[shown > 0.5] = 1
z = y.clone()
z += 1
z[0] = 0
kept = y.detach().clone()
kept.mul_(0)
(z * y).sum().backward()
