# MAML: inner gradients with create_graph, one outer backward call for the tasks together.
import torch
import torch.nn.functional as F

torch.manual_seed(0)
theta = {"w": torch.randn(1, 4, requires_grad=True), "b": torch.zeros(1, requires_grad=True)}
outer = torch.optim.Adam(theta.values(), lr=1e-2)


def predict(p, x):
    return F.linear(torch.cat([x, x.sin(), x.cos(), x ** 2], dim=1), p["w"], p["b"])


for meta_step in range(3):
    outer.zero_grad()
    meta_loss = 0.0
    for task in range(2):
        amp = torch.rand(1) + 0.5
        xs, xq = torch.rand(5, 1), torch.rand(5, 1)
        fast = theta
        for _ in range(2):
            inner = F.mse_loss(predict(fast, xs), amp * xs.sin())
            grads = torch.autograd.grad(inner, list(fast.values()), create_graph=True)
            fast = {k: v - 0.1 * g for (k, v), g in zip(fast.items(), grads)}
        meta_loss = meta_loss + F.mse_loss(predict(fast, xq), amp * xq.sin())
    meta_loss.backward()
    outer.step()
