"""The size is known only in forward, so the layer is made there."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 3, 2)

    def forward(self, x):
        h = torch.relu(self.conv(x[:, None])).flatten(1)
        fc = nn.Linear(h.shape[1], 1)  # expect: GG304
        return fc(h)


torch.manual_seed(0)
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
