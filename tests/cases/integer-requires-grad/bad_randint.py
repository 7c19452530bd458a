# Random integers as weights.
import torch

w = torch.randint(-3, 3, (4,), requires_grad=True)  # expect: GG206
(w * 2).sum().backward()
