# The total begins as a tensor without a graph.
import torch
from torch import nn

torch.manual_seed(0)
layers = nn.ModuleList([nn.Linear(3, 1) for _ in range(3)])
optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
for _ in range(2):
    x = torch.randn(4, 3)
    total = torch.zeros(1)
    parts = torch.zeros(3)
    for i, layer in enumerate(layers):
        part = layer(x).pow(2).mean()
        total += part
        parts[i] = part
    loss = total.sum() + parts.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
