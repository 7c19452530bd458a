# The variable of the loop is bound to the updated weight, which is collected: fast weights of one inner step.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
x = torch.randn(8, 3)
for _ in range(2):
    net.zero_grad()
    net(x).square().mean().backward()
    fast = []
    for p in net.parameters():
        p = p - 0.1 * p.grad
        fast.append(p)
    print(nn.functional.linear(x, *fast).square().mean().item())
