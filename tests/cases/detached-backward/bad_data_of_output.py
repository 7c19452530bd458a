# `.data` of the output: old code that wanted to print it.
import torch
from torch import nn


def step(model, criterion, optimizer, x, y):
    optimizer.zero_grad()
    output = model(x)
    prediction = output.data
    loss = criterion(prediction, y)
    loss.backward()  # expect: GG203
    optimizer.step()
    return loss.item()


torch.manual_seed(0)
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    step(model, nn.CrossEntropyLoss(), optimizer, torch.randn(3, 4), torch.tensor([0, 1, 1]))
