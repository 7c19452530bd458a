import torch


class MatMul(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, transpose):
        ctx.transpose = transpose
        ctx.x, ctx.weight = x, weight  # expect: GG602
        return x @ (weight.t() if transpose else weight)

    @staticmethod
    def backward(ctx, grad):
        grad_x = grad_weight = None
        weight = ctx.weight.t() if ctx.transpose else ctx.weight
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight.t()
        if ctx.needs_input_grad[1]:
            grad_weight = ctx.x.t() @ grad
            if ctx.transpose:
                grad_weight = grad_weight.t()
        return grad_x, grad_weight, None


w = torch.ones(2, 3, requires_grad=True)
MatMul.apply(torch.ones(4, 3), w, True).sum().backward()
