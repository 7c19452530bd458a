# A gradient penalty whose gradients have no graph of their own.
import torch
from torch import nn

torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
for _ in range(2):
    mixed = torch.randn(4, 2, requires_grad=True)
    scores = critic(mixed)
    gradients = torch.autograd.grad(scores.sum(), mixed)[0]
    penalty = ((gradients.norm(2, dim=1) - 1) ** 2).mean()
    optimizer.zero_grad()
    penalty.backward()  # expect: GG203
    optimizer.step()
