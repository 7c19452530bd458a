# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 2)
opt = torch.optim.SGD(net.parameters(), lr=.1)
ema = 1.0
for _ in range(3):
    l1 = net(torch.randn(2, 3)).pow(2).mean()
    l2 = net(torch.randn(2, 3)).abs().mean()
    ema = 0.9 * ema + 0.1 * l1.item()
    w = torch.tensor([1.0, ema])
    loss = (w * torch.stack([l1, l2])).sum() / ema + torch.tensor(0.1) * l2
    opt.zero_grad()
    loss.backward()
    opt.step()
