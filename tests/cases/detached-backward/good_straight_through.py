# A straight-through estimator: the detached part is added on purpose.
import torch
from torch import nn


class Binarizer(nn.Module):
    def forward(self, x):
        p = torch.sigmoid(x)
        hard = (p > 0.5).float()
        return p + (hard - p).detach()


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 4), Binarizer())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(2):
    loss = model(torch.randn(3, 4)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
