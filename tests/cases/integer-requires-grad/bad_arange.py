# The nodes of a grid are integers.
import torch

grid = torch.arange(5)
grid.requires_grad = True  # expect: GG206
loss = (grid**2).sum()
loss.backward()
