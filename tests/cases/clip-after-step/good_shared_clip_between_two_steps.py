"""One clip over everything between the steps of two optimizers serves the second one."""

import torch
from torch import nn

torch.manual_seed(0)
body, head = nn.Linear(3, 4), nn.Linear(4, 1)
opt_body = torch.optim.SGD(body.parameters(), lr=0.1)
opt_head = torch.optim.SGD(head.parameters(), lr=0.1)
for _ in range(4):
    x = torch.randn(6, 3)
    opt_body.zero_grad()
    opt_head.zero_grad()
    (head(body(x).relu()) - x[:, :1]).pow(2).mean().backward()
    opt_body.step()
    nn.utils.clip_grad_norm_([*body.parameters(), *head.parameters()], 0.5)
    opt_head.step()
