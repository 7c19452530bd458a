"""The loss has weights of its own, which the optimizer does not get."""

import torch
from torch import nn

class CenterLoss(nn.Module):
    def __init__(self, classes, size):
        super().__init__()
        self.centers = nn.Parameter(torch.randn(classes, size))

    def forward(self, features, labels):
        return (features - self.centers[labels]).pow(2).sum(1).mean()


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
criterion = CenterLoss(3, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)  # expect: GG303
for _ in range(4):
    x, y = torch.randn(6, 4), torch.randint(0, 3, (6,))
    optimizer.zero_grad()
    loss = criterion(net(x), y)
    loss.backward()
    optimizer.step()
