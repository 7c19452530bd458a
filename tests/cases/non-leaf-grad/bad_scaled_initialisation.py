# The initial weights are scaled after requires_grad=True, so the names hold results.
import torch

torch.manual_seed(0)
n, d_in, d_hidden = 8, 5, 4
x, y = torch.randn(n, d_in), torch.randn(n, 1)
w1 = torch.randn(d_in, d_hidden, requires_grad=True) * (2 / d_in) ** 0.5
w2 = torch.randn(d_hidden, 1, requires_grad=True)

y_pred = x.mm(w1).clamp(min=0).mm(w2)
loss = (y_pred - y).pow(2).sum()
loss.backward()
with torch.no_grad():
    w2 -= 1e-3 * w2.grad
    w1 -= 1e-3 * w1.grad  # expect: GG301
