# A helper differentiates whatever it is given; each chunk brings a new graph, and every k-th one is recorded.
import torch
from torch import nn


def push(loss, scale):
    (loss * scale).backward()
    return loss.item()


class Accumulator:
    def __init__(self, model, optimizer, every):
        self.model, self.optimizer, self.every, self.count = model, optimizer, every, 0

    def feed(self, x, y):
        loss = nn.functional.mse_loss(self.model(x), y)
        value = push(loss, 1 / self.every)
        self.count += 1
        if self.count % self.every == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()
        return value


torch.manual_seed(0)
model = nn.Linear(3, 1)
acc = Accumulator(model, torch.optim.SGD(model.parameters(), lr=0.1), every=2)
print([round(acc.feed(torch.randn(4, 3), torch.randn(4, 1)), 3) for _ in range(6)])
