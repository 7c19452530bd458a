import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
for x, y in batches:
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
total, outputs = 0.0, []
with torch.no_grad():
    for x, y in batches:
        out = model(x)
        total += nn.functional.mse_loss(out, y)
        outputs.append(out)
print(total / len(batches), torch.cat(outputs).shape)
