# `torch.tensor(loss, requires_grad=True)`.
import torch
from torch import nn


def train_step(model, optimizer, x, y):
    prediction = model(x)
    loss = torch.tensor(nn.functional.mse_loss(prediction, y), requires_grad=True)  # expect: GG204
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


torch.manual_seed(0)
net = nn.Linear(3, 1)
sgd = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    train_step(net, sgd, torch.randn(4, 3), torch.randn(4, 1))
