"""The minibatches come from a generator; the gradients are cleared before its loop."""

import torch


class Rollout:
    def __init__(self, size):
        self.size = size
        self.x = torch.randn(size, 3)
        self.y = torch.randn(size, 1)

    def minibatches(self, batch_size):
        start = 0
        while start < self.size:
            yield self.x[start : start + batch_size], self.y[start : start + batch_size]
            start += batch_size


model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
rollout = Rollout(32)
for _ in range(4):
    optimizer.zero_grad()
    for x, y in rollout.minibatches(8):
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()  # expect: GG101
        optimizer.step()
