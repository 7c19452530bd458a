import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
logs = {"mse": 0.0, "l1": 0.0}
for x, y in batches:
    out = model(x)
    mse, l1 = (out - y).pow(2).mean(), (out - y).abs().mean()
    optimizer.zero_grad()
    (mse + l1).backward()
    optimizer.step()
    logs["mse"] += mse  # expect: GG209
    logs["l1"] += l1.item()
print({key: float(value) / len(batches) for key, value in logs.items()})
