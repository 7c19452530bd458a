"""An agent that other files drive: the same loss is backpropagated twice."""

import abc

import torch


class Agent(abc.ABC):
    def __init__(self, policy, optimizer):
        self.policy = policy
        self.optimizer = optimizer
        self.buffer = []

    @abc.abstractmethod
    def compute_loss(self, batch): ...

    def remember(self, transition):
        self.buffer.append(transition)

    def update(self, batch):
        if len(self.buffer) == 0:
            return
        loss = self.compute_loss(batch)
        self.optimizer.zero_grad()
        loss.policy.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0)
        loss.policy.backward()  # expect: GG201
        self.optimizer.step()
