# `torch.Tensor(t)` and `torch.as_tensor(t)` give the tensor itself, graph included.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    loss = torch.as_tensor(model(torch.randn(4, 3))).pow(2).mean()
    loss = loss + torch.Tensor(model(torch.randn(4, 3))).abs().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
