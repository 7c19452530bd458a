"""The sum of the losses starts as a leaf that requires grad."""
import torch
from torch import nn

torch.manual_seed(0)
heads = nn.ModuleList([nn.Linear(4, 2) for _ in range(3)])
optimizer = torch.optim.SGD(heads.parameters(), lr=0.1)
x, y = torch.rand(6, 4), torch.randint(0, 2, (6,))
total = torch.zeros(1, requires_grad=True)
for head in heads:
    total += nn.functional.cross_entropy(head(x), y)  # expect: GG501
optimizer.zero_grad()
total.backward()
optimizer.step()
