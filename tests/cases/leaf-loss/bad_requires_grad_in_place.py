# `requires_grad_()` on the mean of plain numbers.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    losses = [nn.functional.mse_loss(model(torch.randn(4, 3)), torch.randn(4, 1)).item() for _ in range(3)]
    loss = torch.tensor(losses).mean()
    loss.requires_grad_()  # expect: GG204
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
