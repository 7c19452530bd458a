# REINFORCE: one term per time step, without mean or sum.
import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)
policy = nn.Linear(4, 3)
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)

obs = torch.randn(7, 4)
dist = Categorical(logits=policy(obs))
actions = dist.sample()
rewards = torch.rand(7)
returns = torch.flip(torch.cumsum(torch.flip(rewards, [0]), 0), [0])
returns = (returns - returns.mean()) / (returns.std() + 1e-8)

optimizer.zero_grad()
policy_loss = -dist.log_prob(actions) * returns
policy_loss.backward()  # expect: GG202
optimizer.step()
