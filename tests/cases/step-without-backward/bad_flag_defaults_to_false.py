# The update function only backpropagates when asked to, and nobody asks.
import torch
import torch.nn as nn


def update(net, optimizer, x, y, *, learn=False):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    if learn:
        loss.backward()
    optimizer.step()  # expect: GG103
    return loss.item()


torch.manual_seed(0)
net = nn.Linear(2, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.rand(6, 2)
    print(update(net, optimizer, x, x.sum(1, keepdim=True)))
