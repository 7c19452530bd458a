import torch


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        n = x.norm() + eps
        y = x / n
        ctx.save_for_backward(y, n)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx, grad):
        y, n = ctx.saved_tensors
        return (grad - y * (y * grad).sum()) / n, None


class Copied(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x.clone()  # a copy that nobody else changes
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * ctx.x * grad


x = torch.ones(3, requires_grad=True)
Norm.apply(x, 1e-6).sum().backward()
Copied.apply(x).sum().backward()
