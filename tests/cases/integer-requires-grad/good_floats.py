# Integers that are converted first, or that say what dtype they want.
import torch
from torch import nn

a = torch.arange(5).float().requires_grad_()
b = torch.tensor([1, 2, 3], dtype=torch.float32, requires_grad=True)
c = torch.arange(0.0, 1.0, 0.25, requires_grad=True)
d = torch.tensor([1, 2.5, 3], requires_grad=True)
e = torch.full((2,), 1.5, requires_grad=True)
f = nn.Parameter(torch.tensor([1, 2]).to(torch.float64))
(a.sum() + b.sum() + c.sum() + d.sum() + e.sum() + f.sum()).backward()
