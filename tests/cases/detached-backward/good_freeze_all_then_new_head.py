# Everything is frozen, then the head is replaced.
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Linear(4, 8)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(torch.relu(self.features(x)))


torch.manual_seed(0)
model = Net()
for param in model.parameters():
    param.requires_grad = False
model.fc = nn.Linear(8, 2)
optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
for _ in range(2):
    x, y = torch.randn(4, 4), torch.randint(0, 2, (4,))
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
