import torch
from torch import nn

torch.manual_seed(0)
embed = nn.Linear(5, 3)
z = embed(torch.randn(4, 5))
length = z.norm(dim=1, keepdim=True)
length += 1e-8  # expect: GG502
loss = (z / length).sum()
loss.backward()
