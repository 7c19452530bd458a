"""The gradient of the first loss is clipped, then that of the second is added."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 8), nn.Tanh())
a, b = nn.Linear(8, 1), nn.Linear(8, 2)
params = [*net.parameters(), *a.parameters(), *b.parameters()]
opt = torch.optim.SGD(params, lr=0.05)
for _ in range(4):
    x, y = torch.randn(6, 3), torch.randint(0, 2, (6,))
    opt.zero_grad()
    regression = (a(net(x)) - x.sum(1, keepdim=True)).pow(2).mean()
    regression.backward()
    nn.utils.clip_grad_norm_(params, 1.0)  # expect: GG107
    classification = nn.functional.cross_entropy(b(net(x)), y)
    classification.backward()
    opt.step()
