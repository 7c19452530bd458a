# A leaf in the place of the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 4)
opt = torch.optim.SGD(net.parameters(), lr=.1)
mse = nn.MSELoss()
for _ in range(3):
    y = torch.randint(0, 4, (8,)).float()
    _, pred = torch.max(net(torch.randn(8, 3)), 1)
    pred = pred.float()
    pred.requires_grad = True  # expect: GG204
    loss = mse(pred, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
