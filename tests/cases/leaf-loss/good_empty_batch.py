# Where there is nothing to learn from, a zero that can be differentiated is returned.
import torch
from torch import nn


def masked_loss(output, mask):
    if not mask.any():
        return torch.tensor(0.0, requires_grad=True)
    return output[mask].pow(2).mean()


torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for turn in range(4):
    x = torch.randn(4, 3)
    mask = x[:, 0] > (10 if turn == 0 else 0)
    loss = masked_loss(model(x).squeeze(1), mask)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
