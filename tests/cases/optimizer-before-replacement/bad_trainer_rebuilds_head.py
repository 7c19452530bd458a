"""A trainer makes its optimizer in __init__ and replaces the head in a later call."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.body = nn.Linear(4, 6)
        self.fc = nn.Linear(6, classes)

    def forward(self, x):
        return self.fc(torch.relu(self.body(x)))


torch.manual_seed(0)
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)  # expect: GG305

    def set_classes(self, classes):
        self.net.fc = nn.Linear(6, classes)

    def fit(self, steps):
        for _ in range(steps):
            x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.net(x), y).backward()
            self.optimizer.step()


trainer = Trainer(Net())
trainer.set_classes(3)
trainer.fit(4)
