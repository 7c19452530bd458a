# Two results of an operator that is looked up by name, each with its own gradient.
import torch

torch.manual_seed(0)
product = getattr(torch, "mm")
for _ in range(2):
    a = torch.randn(3, 4, requires_grad=True)
    b = torch.randn(4, 2)
    out = product(a, b)
    weight = torch.randn(3, 2).requires_grad_()
    weight_grad = weight * 1.0
    out.backward(weight_grad.detach())
    again = product(a, b)
    again.backward(weight_grad.detach())
    print(a.grad.sum())
