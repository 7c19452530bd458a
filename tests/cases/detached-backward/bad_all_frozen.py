# A helper freezes every parameter, the new head included.
import torch
from torch import nn


def freeze(model):
    for parameter in model.parameters():
        parameter.requires_grad = False


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
model.append(nn.Linear(8, 2))
freeze(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    x, y = torch.randn(4, 4), torch.randint(0, 2, (4,))
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
