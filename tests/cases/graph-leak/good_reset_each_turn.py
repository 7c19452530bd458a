import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
for epoch in range(6):
    epoch_loss, parts = 0.0, []
    for x, y in batches[:2]:
        loss = (model(x) - y).pow(2).mean()
        epoch_loss += loss
        parts.append(loss)
    optimizer.zero_grad()
    epoch_loss.backward()
    optimizer.step()
    print(epoch_loss.item(), len(parts))
