# PPO: old log-probabilities are constants, the ratio is not.
import torch
from torch import nn
from torch.distributions import Normal

torch.manual_seed(0)
actor = nn.Linear(3, 1)
log_std = nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adam([*actor.parameters(), log_std], lr=1e-3)
states = torch.randn(16, 3)
with torch.no_grad():
    old = Normal(actor(states), log_std.exp())
    actions = old.sample()
    old_log_probs = old.log_prob(actions)
advantages = torch.randn(16, 1)
for _ in range(3):
    dist = Normal(actor(states), log_std.exp())
    ratio = (dist.log_prob(actions) - old_log_probs).exp()
    surrogate = torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    kl = (old_log_probs - dist.log_prob(actions)).mean()
    loss = -surrogate.mean() + 0.1 * kl
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
