import torch

torch.manual_seed(0)
w = torch.empty(3)
w.uniform_(-1, 1)
w[0] = 0.5
w *= 2
w.requires_grad_()
b = torch.zeros(3).normal_().requires_grad_()
for _ in range(3):
    loss = (w * torch.rand(3) + b).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad = None
