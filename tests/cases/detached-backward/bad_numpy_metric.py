# A metric of numpy as the loss.
import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def rmse(prediction, target):
    difference = prediction.detach().numpy() - target.numpy()
    return torch.tensor(np.sqrt(np.mean(difference**2)))


for _ in range(2):
    x, y = torch.randn(8, 4), torch.randn(8, 1)
    loss = rmse(model(x), y)
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
