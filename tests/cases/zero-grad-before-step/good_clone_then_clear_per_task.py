# Gradients of two tasks are cloned, cleared in between, combined and written back before the step.
import torch
import torch.nn as nn

torch.manual_seed(0)
backbone = nn.Linear(4, 3)
opt = torch.optim.SGD(backbone.parameters(), lr=0.1)


def collect(loss):
    opt.zero_grad()
    loss.backward()
    grads = [p.grad.clone() for p in backbone.parameters()]
    opt.zero_grad()
    return grads


for _ in range(5):
    x = torch.randn(9, 4)
    first = collect(backbone(x).pow(2).mean())
    second = collect((backbone(x) - x[:, :3]).abs().mean())
    for p, g, h in zip(backbone.parameters(), first, second):
        p.grad = torch.where(torch.sign(g) == torch.sign(h), g + h, torch.zeros_like(g))
    opt.step()
print(backbone.weight.norm().item())
