# First-order meta-learning: gradients without a graph move a copy of the weights.
import torch

torch.manual_seed(0)
w = torch.randn(3, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(2):
    x, y = torch.randn(8, 3), torch.randn(8)
    (g,) = torch.autograd.grad(((x @ w - y) ** 2).mean(), w)
    fast = w - 0.1 * g
    loss = ((x @ fast - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
