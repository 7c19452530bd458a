"""The iterator is kept in an attribute and used by every call of the update."""

import torch
from torch import nn


class Trainer:
    def __init__(self, policy):
        self.policy = policy
        self.params = filter(lambda p: p.requires_grad, policy.parameters())
        self.optimizer = torch.optim.Adam(self.params, lr=1e-2)

    def update(self, x):
        loss = self.policy(x).pow(2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, 0.5)  # expect: GG306
        self.optimizer.step()


torch.manual_seed(0)
trainer = Trainer(nn.Linear(3, 2))
for _ in range(3):
    trainer.update(torch.randn(4, 3))
