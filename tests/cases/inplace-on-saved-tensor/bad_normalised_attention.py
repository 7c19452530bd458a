import torch
from torch import nn

torch.manual_seed(0)
query, key, value = (nn.Linear(4, 4) for _ in range(3))
x = torch.randn(6, 4)
weights = torch.exp(query(x) @ key(x).t() / 2)
weights /= weights.sum(-1, keepdim=True)  # expect: GG502
loss = (weights @ value(x)).pow(2).mean()
loss.backward()
