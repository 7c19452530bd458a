# The variable of the loop is bound to the new value, which then goes into the parameter.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 2)
x, y = torch.randn(8, 4), torch.tensor([0, 1, 0, 1, 1, 0, 0, 1])
for epoch in range(4):
    loss = nn.functional.cross_entropy(net(x), y)
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        fresh = []
        for weight in net.parameters():
            weight = weight - 0.5 * weight.grad
            fresh.append(weight)
        for weight, new in zip(net.parameters(), fresh):
            weight.copy_(new)
