# A statement that makes a context manager and drops it.
import torch
from torch import nn


def evaluate(model, x):
    model.eval()
    torch.no_grad()  # expect: GG402
    return model(x).mean()


torch.manual_seed(0)
net = nn.Linear(3, 1)
print(evaluate(net, torch.ones(2, 3)))
