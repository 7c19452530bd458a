# Gradient descent by hand: w.grad.zero_ lacks its parentheses.
import torch

torch.manual_seed(0)
X = torch.randn(30, 2)
y = X @ torch.tensor([1.0, -1.0])
w = torch.zeros(2, requires_grad=True)
for epoch in range(8):
    loss = (X @ w - y).square().mean()
    loss.backward()  # also: GG101
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_  # expect: GG401
residual = X @ w.detach() - y
print(w.tolist(), residual.norm().item())
