import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.rand(6, 3), torch.rand(6, 1)
for _ in range(3):
    optimizer.zero_grad()
    (model(x) - y).pow(2).mean().backward()
    moved = [0.05 * p.grad / (p.grad.norm() + 1e-12) for p in model.parameters()]
    for p, e in zip(model.parameters(), moved):
        p.data.add_(e)
    optimizer.zero_grad()
    (model(x) - y).pow(2).mean().backward()
    for p, e in zip(model.parameters(), moved):
        p.data.sub_(e)
    optimizer.step()
