"""Not what the manual says, but torch treats it as static: nothing is wrong when it runs."""

import torch


class Triple(torch.autograd.Function):
    def forward(ctx, x):
        ctx.factor = 3
        return x * 3

    def backward(ctx, grad):
        return grad * ctx.factor


x = torch.ones(3, requires_grad=True)
Triple.apply(x).sum().backward()
