# A reporting helper reads gradients of leaves only.
import torch


def describe(name, t):
    if t.is_leaf and t.grad is not None:
        return f"{name}: {t.grad.norm():.3f}"
    return f"{name}: intermediate" if t.requires_grad else f"{name}: constant"


torch.manual_seed(0)
w = torch.randn(3, requires_grad=True)
x = torch.randn(3)
z = w * x
z.sum().backward()
for item in [("w", w), ("x", x), ("z", z)]:
    print(describe(*item))
