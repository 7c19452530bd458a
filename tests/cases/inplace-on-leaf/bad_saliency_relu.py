"""The input whose gradient is wanted goes into a layer that changes its input."""
import torch
from torch import nn

torch.manual_seed(0)
network = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 2))
picture = torch.randn(1, 6, requires_grad=True)
score = network(picture)[0, 1]  # expect: GG501
score.backward()
print(picture.grad)
