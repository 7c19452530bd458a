# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class no_grad_if:
    def __init__(self, on): self.on = on
    def __enter__(self):
        self.prev = torch.is_grad_enabled()
        torch.set_grad_enabled(not self.on)
    def __exit__(self, *a):
        torch.set_grad_enabled(self.prev)
net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
for i in range(2):
    with no_grad_if(True):
        net(torch.randn(2, 3))
    with no_grad_if(False):
        loss = net(torch.randn(2, 3)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
