"""Every way of giving as many gradients as there are inputs."""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Optional(Function):
    @staticmethod
    def forward(ctx, x, factor=2.0):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.factor, None  # torch does not mind a None too many


class OptionalLeftOut(Function):
    @staticmethod
    def forward(ctx, x, factor=2.0):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.factor


class Many(Function):
    @staticmethod
    def forward(ctx, length, *tensors):
        ctx.length = length
        return sum(tensors)

    @staticmethod
    def backward(ctx, grad):
        return None, *(grad for _ in range(ctx.length))


class Added(Function):
    @staticmethod
    def forward(ctx, x, a, b, c):
        ctx.a = a
        return x * a

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        if ctx.a == 0:
            return (None,) * 4
        return (grad * ctx.a,) + (None,) * 3


class Listed(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x + y

    @staticmethod
    def backward(ctx, grad):
        grads = [grad, grad]
        return tuple(grads)


class Helper(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * 1, y * 1

    @staticmethod
    def backward(ctx, gx, gy):
        result = gx, gy
        return result


class Summed(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return x.sum()

    @staticmethod
    def backward(ctx, grad):
        return grad.expand(ctx.shape)


x = torch.ones(3, requires_grad=True)
Optional.apply(x).sum().backward()
Optional.apply(x, 3.0).sum().backward()
OptionalLeftOut.apply(x).sum().backward()
Many.apply(2, x, x).sum().backward()
Added.apply(x, 1, 2, 3).sum().backward()
Listed.apply(x, x).sum().backward()
a, b = Helper.apply(x, x)
(a + b).sum().backward()
Summed.apply(x).backward()
