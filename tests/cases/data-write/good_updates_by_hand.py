"""Weights that are changed through `.data` once the backward has run, or before the forward pass."""
import torch
from torch import nn

torch.manual_seed(0)
w = torch.rand(3, requires_grad=True)
critic = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
target = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
for layer in critic:
    if isinstance(layer, nn.Linear):
        layer.weight.data.normal_(0, 0.1)
        layer.bias.data.zero_()
optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-3)
for _ in range(3):
    for p in critic.parameters():
        p.data.clamp_(-0.1, 0.1)
    loss = critic(torch.rand(8, 3) * w).mean() - target(torch.rand(8, 3)).detach().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    w.data -= 0.1 * w.grad
    w.data = w.data.clamp(0, 1)
    w.grad.data.zero_()
    for t, p in zip(target.parameters(), critic.parameters()):
        t.data.copy_(0.9 * t.data + 0.1 * p.data)
