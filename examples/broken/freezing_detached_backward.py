# The detach stands behind the head and not in front of it: the loss reaches no parameter, RuntimeError at the backward.
import torch
from torch import nn
from torch.nn.functional import mse_loss

torch.manual_seed(0)
x, y = torch.randn(8, 3), torch.randn(8, 1)
encoder = nn.Linear(3, 4)
head = nn.Linear(4, 1)
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)

for step in range(100):
    optimizer.zero_grad()
    prediction = head(torch.tanh(encoder(x))).detach()
    loss = mse_loss(prediction, y)
    loss.backward()  # expect: GG203
    optimizer.step()
