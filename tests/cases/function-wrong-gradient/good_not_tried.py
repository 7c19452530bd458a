"""A forward that counts, prints or draws random numbers is not called a second time."""

import torch

calls = []


class Counting(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        calls.append(1)
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


class Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mask = torch.rand_like(x)
        return x * ctx.mask

    @staticmethod
    def backward(ctx, g):
        return g * ctx.mask


torch.manual_seed(0)
x = torch.ones(3, requires_grad=True)
(Counting.apply(x) + Dropped.apply(x)).sum().backward()
assert len(calls) == 1
state = torch.get_rng_state()
torch.manual_seed(0)
torch.rand(3)
assert torch.equal(torch.get_rng_state(), state)
