import torch
from torch import nn


class Late(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        start = torch.ones(3, requires_grad=True)
        self.gain = nn.Parameter(start.detach().clone())
        self.register_buffer("offset", torch.zeros(3))

    def forward(self, x):
        return self.layer(x) * self.gain + self.offset


model = Late()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    optimizer.step()
