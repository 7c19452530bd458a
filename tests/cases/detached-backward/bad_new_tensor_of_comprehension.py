# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
for _ in range(2):
    batch = torch.randn(5, 3)
    errs = torch.Tensor([(net(b) - 1).abs().mean() for b in batch])
    loss = errs.sum()
    opt.zero_grad()
    loss.backward()  # expect: GG203
    opt.step()
