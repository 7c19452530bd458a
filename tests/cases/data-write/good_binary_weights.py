"""The weights are made binary for the forward and the backward pass, and put back before the update."""
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
kept = [p.data.clone() for p in model.parameters()]
for _ in range(3):
    for p, old in zip(model.parameters(), kept):
        old.copy_(p.data)
        p.data.sign_()
    loss = model(torch.rand(4, 3)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    for p, old in zip(model.parameters(), kept):
        p.data.copy_(old)
    optimizer.step()
    for p in model.parameters():
        p.data.clamp_(-1, 1)
