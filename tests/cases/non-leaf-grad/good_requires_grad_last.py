# Shape, scale and dtype are settled before requires_grad_ is called.
import torch

torch.manual_seed(0)
raw = torch.arange(12)
weight = raw.double().mul(0.1).view(3, 4).requires_grad_()
bias = 0.01 * torch.randn(3, dtype=torch.float64)
bias.requires_grad = True
out = torch.ones(2, 4, dtype=torch.float64) @ weight.t() + bias
energy = out.sigmoid().sum()
energy.backward()
print(weight.grad.shape, bias.grad)
