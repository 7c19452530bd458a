# The update by hand.
import torch

w = torch.ones(3, requires_grad=True)
for _ in range(3):
    loss = (w - 2).pow(2).sum()
    loss.backward()
    with torch.no_grad:  # expect: GG402
        w -= 0.1 * w.grad
    w.grad = None
