"""A pyramid adds in place to levels that nothing has kept."""
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
laterals = nn.ModuleList([nn.Conv1d(2, 4, 1) for _ in range(3)])
smooth = nn.Conv1d(4, 4, 3, padding=1)
features = [torch.rand(1, 2, 16), torch.rand(1, 2, 8), torch.rand(1, 2, 4)]
levels = [lateral(feature) for lateral, feature in zip(laterals, features)]
for i in range(len(levels) - 1, 0, -1):
    levels[i - 1] += F.interpolate(levels[i], scale_factor=2)
outputs = [smooth(level) for level in levels]
loss = sum(output.pow(2).mean() for output in outputs)
loss.backward()
