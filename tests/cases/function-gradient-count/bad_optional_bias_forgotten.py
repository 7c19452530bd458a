import torch
from torch.autograd import Function


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight, bias)
        out = x.mm(weight.t())
        return out if bias is None else out + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, _bias = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(x)
        return grad_x, grad_weight  # expect: GG601


torch.manual_seed(0)
w = torch.randn(2, 3, requires_grad=True)
b = torch.zeros(2, requires_grad=True)
LinearFunction.apply(torch.randn(4, 3), w, b).sum().backward()
