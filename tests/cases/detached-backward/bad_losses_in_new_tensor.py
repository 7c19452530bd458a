# A list of losses is put into a new tensor instead of being stacked.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(3):
    losses = []
    for task in range(4):
        x = torch.randn(8, 4)
        losses.append(nn.functional.mse_loss(model(x), x.sum(1, keepdim=True)))
    loss = torch.tensor(losses).mean()
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
