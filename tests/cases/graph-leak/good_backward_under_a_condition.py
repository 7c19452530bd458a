import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
total = 0.0
for number, (x, y) in enumerate(batches):
    total += (model(x) - y).pow(2).mean()
    if (number + 1) % 4 == 0:
        optimizer.zero_grad()
        (total / 4).backward()
        optimizer.step()
        total = 0.0
