# The update of each weight is bound to the variable of the loop and forgotten in the next turn.
import torch
from torch import nn


def sgd_step(params, lr, decay):
    with torch.no_grad():
        for weight in params:
            if weight.grad is None:
                continue
            direction = weight.grad + decay * weight
            weight = weight - lr * direction  # expect: GG302


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 1))
x = torch.randn(10, 2)
for _ in range(3):
    net.zero_grad()
    loss = (net(x) - x.prod(1, keepdim=True)).square().mean()
    loss.backward()
    sgd_step(net.parameters(), 0.1, 1e-4)
