# The log-probabilities of an earlier episode stay in the memory and take part in the next update.
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.distributions import Independent, Normal


@dataclass
class Memory:
    gamma: float = 0.9
    log_probs: list = field(default_factory=list)
    rewards: list = field(default_factory=list)

    def returns(self):
        total, out = 0.0, []
        for reward in reversed(self.rewards):
            total = reward + self.gamma * total
            out.insert(0, total)
        return torch.tensor(out)


torch.manual_seed(0)
mean = nn.Linear(2, 2)
optimizer = torch.optim.SGD(mean.parameters(), lr=0.01)
memory = Memory()
for _episode in range(3):
    for _ in range(4):
        policy = Independent(Normal(torch.tanh(mean(torch.randn(2))), 0.5), 1)
        action = policy.sample()
        memory.log_probs.append(policy.log_prob(action))
        memory.rewards.append(-float(action.norm()))
    loss = -(torch.stack(memory.log_probs) * memory.returns()).sum()
    optimizer.zero_grad()
    loss.backward()  # expect: GG201
    optimizer.step()
