# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
hist = []
for i in range(2):
    out = net(torch.randn(4, 3))
    loss = out.pow(2).mean()
    total = loss.item() + (out > 0).float().mean().item()
    hist.append(torch.tensor([loss, total]))
    opt.zero_grad()
    loss.backward()
    opt.step()
print(torch.stack(hist).mean())
