"""Surrogate gradients share a forward; the number of inputs is that of the base."""

import torch


class Surrogate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        ctx.save_for_backward(x)
        return (x >= 0).to(x)


class Sigmoid(Surrogate):
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(ctx.alpha * x)
        return grad * s * (1 - s) * ctx.alpha, None


class Linear(Surrogate):
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad * (x.abs() < ctx.alpha)
        return grad_x, None


x = torch.linspace(-1, 1, 4, requires_grad=True)
Sigmoid.apply(x, 2.0).sum().backward()
Linear.apply(x, 0.5).sum().backward()
