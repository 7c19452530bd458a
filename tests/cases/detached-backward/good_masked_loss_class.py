"""A loss that derives from one of torch's and masks what it returns."""

import torch
from torch import nn


class MaskedLoss(nn.CrossEntropyLoss):
    def forward(self, pred, label):
        self.reduction = "none"
        weights = torch.ones_like(label)
        return (super().forward(pred, label) * weights).mean()


class Scaled(nn.Linear):
    def forward(self, x):
        return super().forward(x) * torch.ones(1)


net = nn.Sequential(Scaled(4, 8), nn.Tanh(), Scaled(8, 3))
loss = MaskedLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    loss(net(torch.randn(5, 4)), torch.randint(3, (5,))).backward()
    optimizer.step()
