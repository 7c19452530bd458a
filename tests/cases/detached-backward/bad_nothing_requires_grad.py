# `requires_grad=True` was forgotten.
import torch

torch.manual_seed(0)
x = torch.linspace(0, 1, 20)
y = 3 * x + 1
w = torch.randn(1)
b = torch.zeros(1)
for _ in range(10):
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()  # expect: GG203
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
    w.grad.zero_()
    b.grad.zero_()
