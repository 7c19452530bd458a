# One of two losses is wrapped into a new tensor.
import torch
from torch import nn

torch.manual_seed(0)
shared = nn.Linear(4, 4)
first, second = nn.Linear(4, 1), nn.Linear(4, 1)
optimizer = torch.optim.Adam([*shared.parameters(), *first.parameters(), *second.parameters()])
for _ in range(2):
    x = torch.randn(8, 4)
    h = torch.relu(shared(x))
    loss_a = first(h).pow(2).mean()
    loss_b = (second(h) - 1).pow(2).mean()
    loss = loss_a + torch.tensor(loss_b)  # expect: GG203
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
