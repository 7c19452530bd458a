import torch


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * a, g * b  # expect: GG604


a = torch.ones(2, requires_grad=True)
b = torch.full((2,), 2.0, requires_grad=True)
Product.apply(a, b).sum().backward()
