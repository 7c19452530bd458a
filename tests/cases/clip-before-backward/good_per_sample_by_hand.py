"""Private training by hand: each sample's gradient is clipped, put aside, and cleared."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    sums = [torch.zeros_like(p) for p in net.parameters()]
    for sample in torch.randn(4, 3):
        opt.zero_grad()
        (net(sample) - sample.sum()).pow(2).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for total, p in zip(sums, net.parameters()):
            total += p.grad
    for total, p in zip(sums, net.parameters()):
        p.grad = (total + 0.1 * torch.randn_like(total)) / 4
    opt.step()
