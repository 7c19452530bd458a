import torch
from torch import nn

torch.manual_seed(0)
critic = nn.Linear(3, 1)
optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-3)
for _ in range(3):
    optimizer.zero_grad()
    loss = critic(torch.rand(8, 3)).mean() - critic(torch.rand(8, 3)).mean()
    loss.backward()
    optimizer.step()
    for p in critic.parameters():
        p.clamp_(-0.01, 0.01)  # expect: GG501
