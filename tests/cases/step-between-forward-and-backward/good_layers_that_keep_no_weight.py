"""Neither layer needs its weight in the backward: no gradient is wanted for the inputs."""
import torch
from torch import nn

torch.manual_seed(0)
table, linear = nn.Embedding(6, 3), nn.Linear(4, 3)
optimizer = torch.optim.SGD([*table.parameters(), *linear.parameters()], lr=0.1)
words, x = torch.randint(0, 6, (5,)), torch.rand(5, 4)
summed = table(words) + linear(x)
for _ in range(2):
    loss = (summed * torch.rand(5, 3)).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
