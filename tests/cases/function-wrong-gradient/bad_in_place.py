import torch


class Shifted(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        out = x.clone()
        out.mul_(x)
        return out

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x  # expect: GG604


x = torch.ones(2, requires_grad=True)
Shifted.apply(x).sum().backward()
