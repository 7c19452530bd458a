"""Each of two optimizers has its own clip before its own step."""

import torch
from torch import nn

torch.manual_seed(0)
actor, critic = nn.Linear(3, 2), nn.Linear(3, 1)
opt_a = torch.optim.Adam(actor.parameters(), lr=1e-2)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(6, 3)
    value = critic(x)
    critic_loss = (value - x[:, :1]).pow(2).mean()
    opt_c.zero_grad()
    critic_loss.backward()
    nn.utils.clip_grad_norm_(critic.parameters(), 0.5)
    opt_c.step()
    actor_loss = -(actor(x).log_softmax(1)[:, :1] * value.detach()).mean()
    opt_a.zero_grad()
    actor_loss.backward()
    nn.utils.clip_grad_value_(actor.parameters(), 0.5)
    opt_a.step()
