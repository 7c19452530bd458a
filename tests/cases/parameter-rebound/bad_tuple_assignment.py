# Slope and intercept are rebound together.
import torch

x = torch.linspace(-1, 1, 12)
y = 2 * x + 0.5
w = torch.randn((), generator=torch.Generator().manual_seed(0), requires_grad=True)
b = torch.zeros((), requires_grad=True)
lr = 0.1
for epoch in range(3):
    loss = (w * x + b - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        w, b = w - lr * w.grad, b - lr * b.grad  # expect: GG302
    print(epoch, loss.item())
