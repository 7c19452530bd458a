# A context-manager class: __enter__ clears, __exit__ steps unless the body raised.
import torch
import torch.nn as nn


class TrainStep:
    def __init__(self, *optimizers):
        self.optimizers = optimizers

    def __enter__(self):
        for o in self.optimizers:
            o.zero_grad(set_to_none=True)
        return self

    def __exit__(self, exc_type, exc, tb):
        if exc_type is None:
            for o in self.optimizers:
                o.step()
        return exc_type is FloatingPointError

    def minimise(self, loss):
        if not torch.isfinite(loss):
            raise FloatingPointError(loss.item())
        loss.backward()
        return loss.item()


torch.manual_seed(0)
user, item = nn.Embedding(10, 4), nn.Embedding(12, 4)
step = TrainStep(torch.optim.SGD(user.parameters(), lr=0.5), torch.optim.Adagrad(item.parameters(), lr=0.1))
for _ in range(6):
    u, i, r = torch.randint(0, 10, (8,)), torch.randint(0, 12, (8,)), torch.rand(8) * 5
    with step:
        value = step.minimise(((user(u) * item(i)).sum(1) - r).pow(2).mean())
print(value)
