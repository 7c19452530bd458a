# Linear regression by hand with w.data -= lr * w.grad and nothing that resets w.grad.
import torch

torch.manual_seed(7)
X = torch.rand(40, 1) * 10
y = 2.5 * X - 1.0 + torch.randn(40, 1)

w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 1e-3
history = []
for epoch in range(15):
    y_hat = X * w + b
    cost = torch.mean((y_hat - y) ** 2)
    cost.backward()  # expect: GG101
    w.data -= lr * w.grad
    b.data -= lr * b.grad
    history.append(cost.item())
    if epoch % 5 == 0:
        print(f"epoch {epoch}: cost {cost.item():.3f} w {w.item():.3f} b {b.item():.3f}")
print(history[-1])
