# Sharpness-aware minimisation: no clearing between the ascent gradient and the descent gradient.
import torch
import torch.nn as nn

torch.manual_seed(5)
net = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 3))
base = torch.optim.SGD(net.parameters(), lr=0.2)
RHO = 0.05


def ascend(params):
    params = [p for p in params if p.grad is not None]
    norm = torch.norm(torch.stack([p.grad.norm(2) for p in params]), 2)
    moved = []
    with torch.no_grad():
        for p in params:
            e = p.grad * (RHO / (norm + 1e-12))
            p.add_(e)
            moved.append((p, e))
    return moved


def descend(moved):
    with torch.no_grad():
        for p, e in moved:
            p.sub_(e)
    base.step()


for it in range(5):
    x, y = torch.randn(12, 6), torch.randint(0, 3, (12,))
    base.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    moved = ascend(net.parameters())
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()  # expect: GG101
    descend(moved)
print(loss.item())
