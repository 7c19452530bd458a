# Exploding gradients of a recurrent cell: the norm is taken of every hidden state's gradient.
import torch
from torch import nn

torch.manual_seed(0)
cell = nn.RNNCell(2, 4)
inputs = torch.randn(6, 1, 2)
h = torch.zeros(1, 4)
hidden = []
for x in inputs:
    h = cell(x, h)
    hidden.append(h)
hidden[-1].sum().backward()
norms = [s.grad.norm() for s in hidden]  # expect: GG301
print(norms)
