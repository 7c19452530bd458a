# `.item()`, argmax and numpy for what is printed, not for the loss.
import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
history, running, correct = [], 0.0, 0
for step in range(4):
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    logits = model(x)
    loss = criterion(logits, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    running += loss.item()
    history.append(loss.detach().numpy())
    correct += (logits.argmax(1) == y).sum().item()
print(running, np.mean(history), correct, torch.tensor(running / 4))
