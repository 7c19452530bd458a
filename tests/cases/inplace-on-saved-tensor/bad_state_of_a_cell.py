"""A cell writes its new state into the tensor that it has just multiplied with."""

import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(7, 4)
        self.scale = nn.Parameter(torch.ones(4))
        self.state = torch.zeros(2, 4)

    def forward(self, x):
        new = torch.tanh(self.linear(torch.cat([x, self.state * self.scale], 1)))
        self.state[:] = new  # expect: GG502
        return new


torch.manual_seed(0)
cell = Cell()
optimizer = torch.optim.SGD(cell.parameters(), lr=0.1)
outputs = [cell(torch.rand(2, 3)) for _ in range(3)]
loss = torch.stack(outputs).sum()
optimizer.zero_grad()
loss.backward()
optimizer.step()
