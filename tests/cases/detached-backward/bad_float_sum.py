# `float(loss)` is a number; it has no backward at all.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
total = 0
for x in torch.randn(4, 2):
    total += float((model(x) - 1).pow(2).sum())
opt.zero_grad()
total.backward()  # expect: GG203
opt.step()
