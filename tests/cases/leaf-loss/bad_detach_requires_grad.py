# A leaf in the place of the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=.1)
for _ in range(3):
    loss = F.mse_loss(net(torch.randn(4, 3)), torch.zeros(4, 1))
    loss = loss.detach().requires_grad_()  # expect: GG204
    opt.zero_grad()
    loss.backward()
    opt.step()
