"""Each of two networks has its own optimizer; the losses of one reach into the other."""

import torch
from torch import nn

torch.manual_seed(0)
gen = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 3))
disc = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 1))
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-2)
for _ in range(3):  # a warm-up of the generator, before there is an optimizer for the discriminator
    opt_g.zero_grad()
    (-disc(gen(torch.randn(5, 2))).mean()).backward()
    opt_g.step()
opt_d = torch.optim.Adam(disc.parameters(), lr=1e-2)
for _ in range(3):
    fake, real = gen(torch.randn(5, 2)), torch.randn(5, 3)
    opt_d.zero_grad()
    (disc(fake.detach()).mean() - disc(real).mean()).backward()
    opt_d.step()
    opt_g.zero_grad()
    (-disc(fake).mean()).backward()
    opt_g.step()
