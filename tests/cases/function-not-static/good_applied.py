import torch


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


double = Double.apply


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fn = Double.apply

    def forward(self, x):
        return self.fn(double(x))


x = torch.ones(3, requires_grad=True)
Layer()(x).sum().backward()
