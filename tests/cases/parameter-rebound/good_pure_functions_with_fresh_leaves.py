# A functional style: gradients by torch.autograd.grad of fresh leaves, the parameters are plain values.
import torch


def value_and_grad(fn):
    def wrapped(params, *args):
        leaves = [p.detach().requires_grad_() for p in params]
        value = fn(leaves, *args)
        return value.detach(), torch.autograd.grad(value, leaves)
    return wrapped


def loss(params, x, y):
    w, b = params
    return ((x @ w + b) - y).square().mean()


def update(params, grads, rate):
    return [p - rate * g for p, g in zip(params, grads)]


torch.manual_seed(0)
x, y = torch.randn(10, 2), torch.randn(10)
params = [torch.zeros(2), torch.zeros(())]
for _ in range(5):
    value, grads = value_and_grad(loss)(params, x, y)
    params = update(params, grads, 0.1)
print(value.item(), params)
