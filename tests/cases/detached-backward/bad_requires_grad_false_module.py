# `requires_grad_(False)` on the whole model.
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)
        self.requires_grad_(False)

    def forward(self, x):
        return self.head(torch.relu(self.backbone(x)))


torch.manual_seed(0)
net = Net()
x, y = torch.randn(4, 4), torch.randint(0, 2, (4,))
for _ in range(2):
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()  # expect: GG203
