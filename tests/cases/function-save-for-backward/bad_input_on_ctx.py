import torch


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x  # expect: GG602
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        return 3 * ctx.x**2 * grad_output


a = torch.tensor([1.0, 2.0], requires_grad=True)
b = a * 2
y = Cube.apply(b)
b.zero_()
y.sum().backward()
print(a.grad)
