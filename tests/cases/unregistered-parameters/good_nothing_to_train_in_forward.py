"""What is made in forward has no parameters, or is frozen."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.out = nn.Linear(4, 1)

    def forward(self, x):
        blur = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        blur.weight.data.fill_(1 / 3)
        blur.requires_grad_(False)
        h = nn.Dropout(0.1)(nn.ReLU()(self.body(x)))
        h = blur(h[:, None])[:, 0]
        return self.out(nn.LayerNorm(4)(h))


torch.manual_seed(0)
model = Net()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 4)
    opt.zero_grad()
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    loss.backward()
    opt.step()
