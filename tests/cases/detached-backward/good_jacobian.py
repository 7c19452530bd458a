# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

w = torch.randn(3, requires_grad=True)
J = torch.autograd.functional.jacobian(lambda v: (v ** 2), w)
(w * J.diag()).sum().backward()
