# The critic's update trains through an attached fake; the generator's update draws a new one under the same name.
import torch
from torch import nn

torch.manual_seed(0)
gen = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
critic = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(), nn.Linear(6, 1))
opt_gen = torch.optim.Adam(gen.parameters(), lr=1e-4)
opt_critic = torch.optim.Adam(critic.parameters(), lr=1e-4)

for it in range(4):
    for _ in range(2):
        fake = gen(torch.randn(5, 3))
        real = torch.rand(5, 2)
        opt_critic.zero_grad()
        loss = critic(fake).mean() - critic(real).mean()
        loss.backward()
        opt_critic.step()
        for w in critic.parameters():
            w.data.clamp_(-0.1, 0.1)

    fake = gen(torch.randn(5, 3))
    opt_gen.zero_grad()
    loss = -critic(fake).mean()
    loss.backward()
    opt_gen.step()
