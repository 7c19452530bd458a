"""The new head comes to the optimizer as a group of its own."""

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
model = Net()
optimizer = torch.optim.SGD(model.body.parameters(), lr=0.01)
model.fc = nn.Linear(6, 3)
optimizer.add_param_group({"params": model.fc.parameters(), "lr": 0.1})
for _ in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
