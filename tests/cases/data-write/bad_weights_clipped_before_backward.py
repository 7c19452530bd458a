"""The weights are clipped between the forward pass and the backward that needs them."""
import torch
from torch import nn

torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-3)
for _ in range(3):
    loss = critic(torch.rand(8, 3)).mean() - critic(torch.rand(8, 3)).mean()
    for p in critic.parameters():
        p.data.clamp_(-0.01, 0.01)  # expect: GG504
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
