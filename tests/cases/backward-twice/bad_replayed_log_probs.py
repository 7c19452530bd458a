# An off-policy replay of stored log-probabilities: the same transition is differentiated again.
import random
from typing import NamedTuple

import torch
from torch import nn
from torch.distributions import Categorical


class Step(NamedTuple):
    log_prob: torch.Tensor
    reward: float


class Learner:
    def __init__(self) -> None:
        self.policy = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=1e-2)
        self.memory: list[Step] = []

    def act(self, obs: torch.Tensor) -> int:
        dist = Categorical(logits=self.policy(obs))
        action = dist.sample()
        self.memory.append(Step(dist.log_prob(action), float(obs[action])))
        return int(action)

    def learn(self, k: int) -> None:
        batch = random.sample(self.memory, k)
        loss = -sum(s.log_prob * s.reward for s in batch) / k
        self.optimizer.zero_grad()
        loss.backward()  # expect: GG201
        self.optimizer.step()


random.seed(0)
torch.manual_seed(0)
learner = Learner()
for t in range(8):
    learner.act(torch.randn(4))
    if len(learner.memory) >= 4:
        learner.learn(4)
