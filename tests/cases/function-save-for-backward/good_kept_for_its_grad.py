"""The parameter is kept for itself: its gradient is added up by hand."""

import torch


class Accumulating(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x)
        ctx.weight = weight
        return x * weight

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        ctx.weight.main_grad.add_(grad * x)
        return None, grad * x


w = torch.nn.Parameter(torch.ones(3))
w.main_grad = torch.zeros(3)
Accumulating.apply(torch.arange(3.0), w).sum().backward()
