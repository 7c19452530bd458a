"""A layer that fills its own parameters while autograd is recording."""
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.reset_parameters()

    def reset_parameters(self):
        self.weight.uniform_(-0.1, 0.1)  # expect: GG501

    def forward(self, x):
        return x @ self.weight + self.bias


layer = Scale(4)
optimizer = torch.optim.Adam(layer.parameters())
layer(torch.rand(2, 4)).sum().backward()
optimizer.step()
