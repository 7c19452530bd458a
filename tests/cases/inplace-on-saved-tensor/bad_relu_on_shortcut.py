"""The convolution has kept its input; the shortcut changes it in place."""
import torch
from torch import nn
import torch.nn.functional as F


class Unit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x):
        out = self.conv(x)
        shortcut = F.relu(x, inplace=True)  # expect: GG502
        return out + shortcut


torch.manual_seed(0)
stem, unit = nn.Conv1d(1, 4, 3), Unit(4)
optimizer = torch.optim.SGD([*stem.parameters(), *unit.parameters()], lr=0.1)
loss = unit(stem(torch.randn(2, 1, 9))).pow(2).mean()
optimizer.zero_grad()
loss.backward()
optimizer.step()
