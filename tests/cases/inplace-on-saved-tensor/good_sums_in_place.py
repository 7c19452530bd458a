"""Sums keep nothing: their results and operands may be changed."""
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 4)
x = torch.rand(3, 4)
out = model(x) + x
out += 1
out -= out.mean().detach()
out[0] = 0
out *= 2
out[:, 1] /= 3
loss = 0
for part in out.chunk(2):
    loss = loss + part.sum()
loss += 0.1 * out.mean()
loss.backward()
