# A memory with a default factory: each episode has one of its own, and its log-probabilities are used once.
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.distributions import Categorical


@dataclass
class Memory:
    log_probs: list = field(default_factory=list)
    rewards: list = field(default_factory=list)


torch.manual_seed(0)
policy = nn.Linear(2, 3)
optimizer = torch.optim.SGD(policy.parameters(), lr=0.01)
for _episode in range(3):
    memory = Memory()
    for _ in range(4):
        dist = Categorical(logits=policy(torch.randn(2)))
        action = dist.sample()
        memory.log_probs.append(dist.log_prob(action))
        memory.rewards.append(float(action == 0))
    advantage = torch.tensor(memory.rewards) - 0.5
    loss = -(torch.stack(memory.log_probs) * advantage).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
