import torch


class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        grad_input = grad_output * y
        return grad_input, grad_output  # expect: GG601


x = torch.zeros(3, requires_grad=True)
Exp.apply(x).sum().backward()
