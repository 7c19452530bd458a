# The gradient with respect to the indices of an embedding.
import torch
from torch import nn

torch.manual_seed(0)
embedding = nn.Embedding(10, 3)
tokens = torch.tensor([[1, 2], [3, 4]]).long()
tokens.requires_grad_()  # expect: GG206
embedding(tokens).sum().backward()
print(tokens.grad)
