# Every iteration makes new leaf tensors by detach().requires_grad_(), so no old gradient exists.
import torch

torch.manual_seed(0)
target = torch.randn(6, 2)
points = torch.randn(6, 2, requires_grad=True)


def energy(p):
    attraction = (p - target).pow(2).sum()
    gaps = torch.pdist(p).clamp_min(1e-2)
    return attraction + 0.1 * (1 / gaps).sum()


for step in range(10):
    e = energy(points)
    e.backward()
    points = (points - 0.05 * points.grad.clamp(-5, 5)).detach().requires_grad_(True)
print(e.item())
