"""The fakes are detached for the discriminator; the generator is trained in its own step."""

import torch
from torch import nn

torch.manual_seed(0)
generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
optimizer = torch.optim.Adam([*generator.parameters(), *critic.parameters()], lr=1e-2)
for _ in range(4):
    real, fake = torch.randn(8, 3), generator(torch.randn(8, 2))
    optimizer.zero_grad()
    loss = critic(fake.detach()).mean() - critic(real).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    (-critic(generator(torch.randn(8, 2))).mean()).backward()
    optimizer.step()
