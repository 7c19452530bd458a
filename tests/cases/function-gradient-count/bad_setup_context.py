import torch
from torch import autograd


class Weighted(autograd.Function):
    @staticmethod
    def forward(x, weight, scale):
        return x * weight * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, scale = inputs
        ctx.save_for_backward(x, weight)
        ctx.scale = scale

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        if not ctx.needs_input_grad[0]:
            return None, grad * x * ctx.scale  # expect: GG601
        return grad * weight * ctx.scale, grad * x * ctx.scale, None


w = torch.ones(3, requires_grad=True)
Weighted.apply(torch.arange(3.0), w, 0.5).sum().backward()
