# Integers that ask for no gradient.
import torch
from torch import nn

table = nn.Parameter(torch.tensor([2, 0, 1]), requires_grad=False)
index = torch.tensor([0, 2])
index.requires_grad = False
embedding = nn.Embedding(4, 2)
embedding(table[index]).sum().backward()
