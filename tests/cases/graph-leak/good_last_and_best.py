import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
best, previous, first, pair = None, None, None, (None, None)
for x, y in batches:
    loss = (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if best is None or loss < best:
        best = loss
    if first is None:
        first = loss
    pair = (pair[1], loss)
    previous = loss
print(float(best), float(previous), float(first))
