"""The best result of each sample so far: a slot of a list is replaced, and the list does not grow."""

import torch

torch.manual_seed(0)
delta = torch.zeros(4, 3, requires_grad=True)
optimizer = torch.optim.SGD([delta], lr=0.1)
x = torch.randn(4, 3)
best = [None] * 4
smallest = [float("inf")] * 4
for _ in range(6):
    optimizer.zero_grad()
    moved = x + delta
    losses = moved.pow(2).sum(1)
    losses.mean().backward()
    optimizer.step()
    for index in range(4):
        if losses[index] < smallest[index]:
            smallest[index] = losses[index].item()
            best[index] = moved[index]
print(len(best))
