# The optimizer moves the unbounded tensor, the loss uses a bounded value computed from it in each turn.
import torch


def fit(raw, target, steps):
    optimizer = torch.optim.SGD([raw], lr=0.5)
    for _ in range(steps):
        bounded = torch.sigmoid(raw)
        loss = (bounded - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    raw = torch.sigmoid(raw.detach())
    return raw


print(fit(torch.zeros(3, requires_grad=True), torch.tensor([0.2, 0.5, 0.9]), 4))
