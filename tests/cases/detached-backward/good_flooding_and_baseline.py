# Constants are subtracted from a loss on purpose.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
flood = 0.05
for _ in range(2):
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    with torch.no_grad():
        before = model(x).mean()
    loss = (model(x) - y).pow(2).mean()
    loss = (loss - flood).abs() + flood + (model(x).mean() - before)
    loss = loss + torch.tensor(1.0) - before.detach()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
