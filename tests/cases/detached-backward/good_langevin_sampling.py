# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 1)
@torch.no_grad()
def sample(x):
    for _ in range(3):
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            e = net(x).sum()
            g = torch.autograd.grad(e, x)[0]
        x = x - 0.1 * g
    return x
opt = torch.optim.SGD(net.parameters(), lr=.1)
for _ in range(2):
    neg = sample(torch.randn(4, 3))
    loss = net(torch.randn(4, 3)).mean() - net(neg.detach()).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
