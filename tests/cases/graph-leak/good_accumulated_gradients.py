import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
shown = 0.0
for number, (x, y) in enumerate(batches):
    loss = nn.functional.mse_loss(model(x), y) / 2
    loss.backward()
    shown += loss.item() * 2
    if number % 2 == 1:
        optimizer.step()
        optimizer.zero_grad()
print(shown)
