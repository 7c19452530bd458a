# The objective is the mean over a window of recent losses; the older ones are already differentiated.
from collections import deque

import torch

torch.manual_seed(0)
actor = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.ELU(), torch.nn.Linear(6, 1))
opt = torch.optim.Adam(actor.parameters(), lr=1e-3)
recent = deque(maxlen=4)

for episode in range(6):
    obs = torch.randn(5, 3)
    cost = (actor(obs) - obs.sum(dim=1, keepdim=True)).pow(2).mean()
    recent.append(cost)
    opt.zero_grad()
    torch.stack(list(recent)).mean().backward()  # expect: GG201
    opt.step()
