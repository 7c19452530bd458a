# The output is detached before the loss.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    x = torch.randn(2, 4)
    reconstructed = net(x).detach()
    loss = nn.functional.mse_loss(reconstructed, x)
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
