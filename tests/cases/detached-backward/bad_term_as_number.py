# `.item()` on the regularizer: it is added as a constant.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    x, y = torch.randn(8, 4), torch.randn(8, 1)
    error = (model(x) - y).pow(2).mean()
    penalty = model.weight.abs().sum().item()  # expect: GG203
    loss = error + 0.01 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
