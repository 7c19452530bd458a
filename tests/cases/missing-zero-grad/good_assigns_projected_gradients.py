# PCGrad: per-task gradients are taken one after another, projected, and assigned; each assignment replaces the old one.
import random
import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
shared = nn.Linear(5, 4)
heads = nn.ModuleList(nn.Linear(4, 1) for _ in range(3))
optimizer = torch.optim.Adam(shared.parameters(), lr=1e-2)


def flat_grad(loss):
    grads = torch.autograd.grad(loss, list(shared.parameters()), retain_graph=True)
    return torch.cat([g.reshape(-1) for g in grads])


def project(grads):
    out = [g.clone() for g in grads]
    for g in out:
        for other in random.sample(grads, len(grads)):
            dot = torch.dot(g, other)
            if dot < 0:
                g -= dot / other.norm() ** 2 * other
    return torch.stack(out).sum(0)


for it in range(5):
    x = torch.randn(8, 5)
    h = torch.relu(shared(x))
    losses = [(head(h) - x[:, k : k + 1]).pow(2).mean() for k, head in enumerate(heads)]
    merged = project([flat_grad(l) for l in losses])
    offset = 0
    for p in shared.parameters():
        p.grad = merged[offset : offset + p.numel()].view_as(p).clone()
        offset += p.numel()
    optimizer.step()
print([round(l.item(), 4) for l in losses])
