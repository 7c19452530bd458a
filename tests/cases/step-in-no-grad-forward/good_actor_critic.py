"""The critic's value is detached in the advantage and trained by its own term."""

import torch
from torch import nn

torch.manual_seed(0)
actor, critic = nn.Linear(4, 2), nn.Linear(4, 1)
optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=1e-2)
for _ in range(4):
    state, returns = torch.randn(8, 4), torch.randn(8)
    value = critic(state).squeeze(1)
    chances = torch.distributions.Categorical(logits=actor(state))
    gain = chances.log_prob(chances.sample()) * (returns - value.detach())
    loss = -gain.mean() + (returns - value).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
