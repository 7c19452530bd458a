import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
for _ in range(2):
    optimizer.zero_grad()
    total, losses = 0.0, []
    for x, y in batches:
        loss = (model(x) - y).pow(2).mean()
        total = total + loss
        losses.append(loss)
    (total + torch.stack(losses).max()).backward()
    optimizer.step()
