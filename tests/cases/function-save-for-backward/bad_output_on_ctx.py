import torch
from torch.autograd import Function


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        out = 1 / (1 + torch.exp(-x))
        ctx.out = out  # expect: GG602
        return out

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.out * (1 - ctx.out)


x = torch.zeros(3, requires_grad=True)
for _ in range(3):
    x.grad = None
    Sigmoid.apply(x).sum().backward()
