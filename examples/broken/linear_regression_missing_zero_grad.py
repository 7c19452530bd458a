# Nothing clears the gradients, so each update applies the sum of all of them: the fit swings around the line for long.
import torch

torch.manual_seed(6)
x = torch.rand(20, 1)
y = 2 * x + 1 + 0.05 * torch.randn(20, 1)

w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
losses = []

for epoch in range(500):
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()  # expect: GG101
    with torch.no_grad():
        w -= 0.01 * w.grad
        b -= 0.01 * b.grad
    losses.append(loss.item())

print(f"y = {w.item():.2f} x + {b.item():.2f}, made from y = 2 x + 1")
