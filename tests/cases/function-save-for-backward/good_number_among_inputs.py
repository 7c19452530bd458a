"""`factor` and `steps` are numbers: they get no gradient."""

import torch


class Power(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor, steps=2):
        ctx.factor = factor
        ctx.steps = steps
        ctx.save_for_backward(x)
        return factor * x**steps

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        factor, steps = ctx.factor, ctx.steps
        grad_factor = None
        return grad * factor * steps * x ** (steps - 1), grad_factor, None


x = torch.ones(3, requires_grad=True)
Power.apply(x, 0.5).sum().backward()
