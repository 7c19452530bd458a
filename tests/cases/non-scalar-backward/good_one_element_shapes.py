# Losses of shape (1,) and (1, 1): one element is enough for the implicit gradient.
import torch
from torch import nn

torch.manual_seed(0)
value = nn.Linear(3, 1)
opt = torch.optim.SGD(value.parameters(), lr=0.1)
for step in range(3):
    state = torch.randn(1, 3)
    reward = torch.tensor([0.5])
    delta = reward - value(state)
    opt.zero_grad()
    delta.pow(2).backward()
    opt.step()

    opt.zero_grad()
    loss = nn.functional.mse_loss(value(state[0]), reward, reduction="none")
    loss.backward()
    opt.step()
print(delta.shape, loss.shape)
