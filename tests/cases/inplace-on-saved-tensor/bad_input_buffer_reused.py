"""The buffer of the next batch is filled before the backward of this one."""
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batch = torch.rand(4, 3)
for _ in range(3):
    loss = model(batch).pow(2).mean()
    batch.copy_(torch.rand(4, 3))  # expect: GG502
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
