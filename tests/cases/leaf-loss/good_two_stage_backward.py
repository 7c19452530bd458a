# The graph is cut on purpose, and its gradient is handed on.
import torch
from torch import nn

torch.manual_seed(0)
front, back = nn.Linear(4, 4), nn.Linear(4, 1)
optimizer = torch.optim.SGD([*front.parameters(), *back.parameters()], lr=0.1)
for _ in range(2):
    hidden = front(torch.randn(3, 4))
    cut = hidden.detach().requires_grad_()
    loss = back(cut).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    hidden.backward(cut.grad)
    optimizer.step()
