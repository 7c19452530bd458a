# Averages of weights and of gradients are rebound; the weights themselves change in place.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
average = [p.detach().clone() for p in net.parameters()]
second = [torch.zeros_like(p) for p in net.parameters()]
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    opt.zero_grad()
    net(torch.randn(6, 3)).pow(2).mean().backward()
    second = [0.9 * s + 0.1 * p.grad ** 2 for s, p in zip(second, net.parameters())]
    opt.step()
    average = [0.99 * a + 0.01 * p.detach() for a, p in zip(average, net.parameters())]
print([a.norm().item() for a in average], [s.max().item() for s in second])
