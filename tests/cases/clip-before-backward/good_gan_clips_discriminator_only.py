"""The generator's backward adds to the discriminator after its clipped step; its own zero_grad clears that."""

import torch
from torch import nn

torch.manual_seed(0)
gen, disc = nn.Linear(2, 3), nn.Linear(3, 1)
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-2)
opt_d = torch.optim.Adam(disc.parameters(), lr=1e-2)
bce = nn.BCEWithLogitsLoss()
for _ in range(4):
    real, noise = torch.randn(5, 3), torch.randn(5, 2)
    opt_d.zero_grad()
    bce(disc(real), torch.ones(5, 1)).backward()
    bce(disc(gen(noise).detach()), torch.zeros(5, 1)).backward()
    nn.utils.clip_grad_norm_(disc.parameters(), 1.0)
    opt_d.step()
    opt_g.zero_grad()
    bce(disc(gen(noise)), torch.ones(5, 1)).backward()
    nn.utils.clip_grad_norm_(gen.parameters(), 1.0)
    opt_g.step()
