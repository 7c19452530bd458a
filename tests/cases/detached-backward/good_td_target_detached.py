# Actor-critic: detached advantages, floats as rewards.
import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)
actor, critic = nn.Linear(4, 2), nn.Linear(4, 1)
optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=1e-3)
for _ in range(3):
    state, following = torch.randn(6, 4), torch.randn(6, 4)
    dist = Categorical(logits=actor(state))
    action = dist.sample()
    reward = torch.tensor([1.0 if a == 0 else 0.0 for a in action.tolist()])
    value = critic(state).squeeze(1)
    wanted = (reward + 0.9 * critic(following).squeeze(1)).detach()
    advantage = (wanted - value).detach()
    loss = -(dist.log_prob(action) * advantage).mean() + (wanted - value).pow(2).mean() - 0.01 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
