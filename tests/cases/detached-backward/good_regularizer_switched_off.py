# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
def reg(on):
    if on:
        return net.weight.abs().sum()
    return torch.tensor(0.)
for i in range(4):
    loss = net(torch.randn(2, 3)).pow(2).mean() + reg(i % 2 == 0)
    opt.zero_grad()
    loss.backward()
    opt.step()
