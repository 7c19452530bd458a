# A parameter made of integers.
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1, 1, 2]))  # expect: GG206

    def forward(self, x):
        return self.scale * x


model = Scale()
model(torch.ones(3)).sum().backward()
