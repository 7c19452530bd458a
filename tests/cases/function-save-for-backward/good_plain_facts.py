"""Shapes, numbers, flags, functions and intermediate results may be attributes of ctx."""

import torch


class Crop(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, start, scale):
        ctx.start, ctx.scale, ctx.shape = start, scale, x.shape
        ctx.device = x.device
        ctx.needs = x.requires_grad
        return x[start:] * scale

    @staticmethod
    def backward(ctx, grad):
        out = grad.new_zeros(ctx.shape)
        out[ctx.start :] = grad * ctx.scale
        return out, None, None


class LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        shifted = x - x.max()
        weights = shifted.exp()
        ctx.weights = weights / weights.sum()
        return weights.sum().log() + x.max()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.weights


class Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, keep):
        mask = torch.ones_like(x)
        mask[keep:] = 0
        ctx.mask = mask
        result = x * mask
        return result

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.mask, None


x = torch.arange(4.0, requires_grad=True)
Crop.apply(x, 1, 2.0).sum().backward()
LogSumExp.apply(x).backward()
Masked.apply(x, 2).sum().backward()
