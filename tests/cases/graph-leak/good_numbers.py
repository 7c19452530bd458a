import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
total, exact, kept, average = 0.0, 0.0, [], None
for x, y in batches:
    out = model(x)
    loss = nn.functional.mse_loss(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total += loss.item()
    exact += float(loss)
    kept.append(loss.detach())
    kept.append(out.data)
    value = loss.detach()
    average = value if average is None else 0.9 * average + 0.1 * value
print(total, exact, len(kept), average)
