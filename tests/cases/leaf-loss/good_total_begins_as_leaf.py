# The total begins as a leaf that requires grad, and the losses are added to it.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    total = torch.tensor(0.0, requires_grad=True)
    for _ in range(3):
        total = total + model(torch.randn(4, 3)).pow(2).mean()
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
