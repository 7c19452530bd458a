# The gathered losses of several workers are averaged before the backward call.
import torch
from torch import nn


class Shards(nn.Module):
    def __init__(self, module, n):
        super().__init__()
        self.module, self.n = module, n

    def forward(self, x, y):
        return torch.stack([self.module(a, b) for a, b in zip(x.chunk(self.n), y.chunk(self.n))])


class WithLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.criterion = nn.Linear(3, 2), nn.CrossEntropyLoss()

    def forward(self, x, y):
        return self.criterion(self.net(x), y)


torch.manual_seed(0)
model = Shards(WithLoss(), 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    loss = model(torch.randn(8, 3), torch.randint(0, 2, (8,)))
    if loss.dim() > 0:
        loss = loss.mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
