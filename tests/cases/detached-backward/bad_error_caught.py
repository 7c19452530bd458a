# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

net = nn.Linear(3, 2)
opt = torch.optim.SGD(net.parameters(), lr=.1)
for _ in range(3):
    out = net(torch.randn(4, 3))
    loss = (out.argmax(1) != 0).float().mean()
    opt.zero_grad()
    try:
        loss.backward()  # expect: GG203
    except RuntimeError as e:
        print(e)
    opt.step()
