# Backtracking line search: trial points have names of their own, the parameter is overwritten by copy_.
import torch


def f(p):
    return (p ** 4).sum() + (p[0] - 1) ** 2


p = torch.tensor([1.5, -0.5], requires_grad=True)
for it in range(4):
    p.grad = None
    value = f(p)
    value.backward()
    rate = 1.0
    with torch.no_grad():
        trial = p - rate * p.grad
        while f(trial) > value - 0.5 * rate * p.grad.square().sum():
            rate = rate * 0.5
            trial = p - rate * p.grad
        p.copy_(trial)
    print(it, value.item(), rate)
