# The returns alone, without the log-probabilities, are no loss.
import torch
from torch import nn
from torch.distributions import Categorical

torch.manual_seed(0)
policy = nn.Linear(4, 2)
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for episode in range(2):
    rewards = []
    state = torch.randn(4)
    for _ in range(5):
        action = policy(state).argmax().item()
        rewards.append(1.0 if action == 0 else -1.0)
        state = torch.randn(4)
    loss = -torch.tensor(rewards).sum()
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
