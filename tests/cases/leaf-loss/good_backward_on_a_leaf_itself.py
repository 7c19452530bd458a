# A leaf that is meant to be one.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

x = torch.tensor(3.0, requires_grad=True)
x.backward()
print(x.grad)
y = (torch.ones(3) * 2).sum().requires_grad_()
y.backward()
