"""Sums that start from what does not require grad; gradients that are changed in place."""
import torch
from torch import nn

torch.manual_seed(0)
heads = nn.ModuleList([nn.Linear(4, 2) for _ in range(3)])
optimizer = torch.optim.SGD(heads.parameters(), lr=0.1)
x, y = torch.rand(6, 4), torch.randint(0, 2, (6,))
total = torch.zeros(())
count = 0
for head in heads:
    total += nn.functional.cross_entropy(head(x), y)
    count += len(y)
optimizer.zero_grad()
total.backward()
for p in heads.parameters():
    p.grad /= 3
    p.grad.clamp_(-1, 1)
    p.grad[0] = 0
optimizer.step()
