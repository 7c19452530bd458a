# DQN: the target network runs under no_grad, the positions come from argmax.
import copy

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
q = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
target = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
for step in range(3):
    s, s2 = torch.randn(8, 4), torch.randn(8, 4)
    a, r = torch.randint(0, 2, (8, 1)), torch.randn(8, 1)
    with torch.no_grad():
        best = q(s2).argmax(dim=1, keepdim=True)
        y = r + 0.99 * target(s2).gather(1, best)
    loss = F.smooth_l1_loss(q(s).gather(1, a), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for p, t in zip(q.parameters(), target.parameters()):
        t.data.mul_(0.99).add_(p.data, alpha=0.01)
