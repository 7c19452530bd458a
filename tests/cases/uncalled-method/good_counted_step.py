# optimizer.step is read in order to wrap it and to assert on it.
import types
import torch
import torch.nn as nn


def with_counter(optimizer):
    inner = optimizer.step
    optimizer.calls = 0

    def step(self, closure=None):
        self.calls += 1
        return inner(closure)

    optimizer.step = types.MethodType(step, optimizer)
    return optimizer


torch.manual_seed(0)
head = nn.Linear(3, 2)
optimizer = with_counter(torch.optim.SGD(head.parameters(), lr=0.1))
assert callable(optimizer.step) and optimizer.step is not None
for _ in range(3):
    x = torch.randn(4, 3)
    optimizer.zero_grad()
    nn.functional.cross_entropy(head(x), torch.tensor([0, 1, 0, 1])).backward()
    optimizer.step()
print(optimizer.calls)
