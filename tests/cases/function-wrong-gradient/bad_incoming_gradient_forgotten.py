# The derivative is right, but it is not multiplied by the gradient that comes in.
import torch
from torch import nn


class Softshift(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, width):
        inside = torch.clamp(x, min=-3.0, max=0.0)
        root = torch.sqrt(1.0 + width * inside * inside)
        ctx.save_for_backward(root)
        return x / root

    @staticmethod
    def backward(ctx, grad_output):
        (root,) = ctx.saved_tensors
        return root ** (-3), None  # expect: GG604


torch.manual_seed(0)
first, second = nn.Linear(3, 6), nn.Linear(6, 1)
optimizer = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)
x = torch.randn(8, 3)
for _ in range(3):
    loss = (second(Softshift.apply(first(x), 1.0)) - x[:, :1]).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
