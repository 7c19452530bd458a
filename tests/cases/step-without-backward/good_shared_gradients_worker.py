# A3C-like: a local copy runs backward, its gradients are shared with the global model, whose optimizer steps.
import torch
import torch.nn as nn


def ensure_shared_grads(model, shared_model):
    for param, shared_param in zip(model.parameters(), shared_model.parameters()):
        shared_param.grad = param.grad


class Worker:
    def __init__(self, shared):
        self.shared, self.local = shared, nn.Linear(4, 2)

    def rollout(self, optimizer):
        self.local.load_state_dict(self.shared.state_dict())
        states, rewards = torch.randn(6, 4), torch.randn(6)
        logp = self.local(states).log_softmax(-1)[:, 0]
        loss = -(logp * rewards).mean()
        self.local.zero_grad()
        loss.backward()
        ensure_shared_grads(self.local, self.shared)
        optimizer.step()
        return loss.item()


torch.manual_seed(0)
shared_model = nn.Linear(4, 2)
optimizer = torch.optim.RMSprop(shared_model.parameters(), lr=1e-3)
workers = [Worker(shared_model) for _ in range(2)]
for _ in range(3):
    print([w.rollout(optimizer) for w in workers])
