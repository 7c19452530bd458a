# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

from torch.distributions import Normal
actor = nn.Linear(3, 1)
critic = nn.Linear(4, 1)
opt = torch.optim.Adam(actor.parameters())
for p in critic.parameters():
    p.requires_grad_(False)
for _ in range(2):
    s = torch.randn(5, 3)
    dist = Normal(actor(s), 1.0)
    a = dist.sample()
    loss = -critic(torch.cat([s, a], 1)).mean()
    opt.zero_grad()
    loss.backward()  # expect: GG203
    opt.step()
