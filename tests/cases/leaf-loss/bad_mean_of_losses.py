"""The losses are numbers; their mean is a new leaf's."""

import torch
from torch import nn


def compute_loss(model, batch, criterion):
    losses = []
    for x, y in batch:
        losses.append(criterion(model(x), y).item())
    return torch.tensor(losses, requires_grad=True).mean()  # expect: GG204


model = nn.Linear(3, 2)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(3):
    batch = [(torch.randn(1, 3), torch.randint(0, 2, (1,))) for _ in range(4)]
    optimizer.zero_grad()
    loss = compute_loss(model, batch, criterion)
    loss.backward()
    optimizer.step()
