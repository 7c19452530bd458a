import torch
from torch.autograd import Function


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad * y * (1 + y)
        return grad_x  # expect: GG604


x = torch.linspace(-1, 1, 3, requires_grad=True)
for _ in range(3):
    x.grad = None
    Sigmoid.apply(x).sum().backward()
