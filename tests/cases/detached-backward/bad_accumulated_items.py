# The losses are added up as plain numbers and put into a tensor at the end.
import torch
from torch import nn


def run_epoch(model, optimizer, loader, criterion):
    total = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        total += loss.item()
    total = torch.tensor(total / len(loader))
    optimizer.zero_grad()
    total.backward()  # expect: GG203
    optimizer.step()
    return total


torch.manual_seed(0)
net = nn.Linear(3, 2)
data = [(torch.randn(4, 3), torch.randint(0, 2, (4,))) for _ in range(3)]
run_epoch(net, torch.optim.SGD(net.parameters(), lr=0.1), data, nn.CrossEntropyLoss())
