import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        out = F.relu(self.first(x))
        out = F.relu(self.second(out))
        out += x  # expect: GG502
        return out


torch.manual_seed(0)
net = nn.Sequential(Block(4), Block(4), nn.Linear(4, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    loss = net(torch.rand(8, 4)).pow(2).mean()
    loss.backward()
    optimizer.step()
