import torch


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor, power=2):
        ctx.factor, ctx.power = factor, power
        ctx.save_for_backward(x)
        return factor * x**power

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ctx.factor * ctx.power * x ** (ctx.power - 1), None, None


class MatMul(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.matmul(a, b)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g.matmul(b.t()), a.t().matmul(g)


class SumOfSquares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.pow(2).sum()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x


x = torch.ones(2, 2, requires_grad=True)
(Cube.apply(x) + Scaled.apply(x, 0.5) + MatMul.apply(x, x)).sum().backward()
SumOfSquares.apply(x).backward()
