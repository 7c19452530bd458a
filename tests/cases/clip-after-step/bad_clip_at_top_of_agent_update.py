"""An agent that clips after the step of its own update method."""

import torch
from torch import nn


class Agent:
    def __init__(self):
        self.q = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
        self.optimizer = torch.optim.Adam(self.q.parameters(), lr=1e-3)

    def update(self, states, targets):
        loss = nn.functional.smooth_l1_loss(self.q(states), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        nn.utils.clip_grad_norm_(self.q.parameters(), 10)  # expect: GG106
        return loss.item()


torch.manual_seed(0)
agent = Agent()
for _ in range(5):
    agent.update(torch.randn(8, 4), torch.randn(8, 2))
