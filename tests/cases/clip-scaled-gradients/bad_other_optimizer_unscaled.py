"""Two optimizers: only the discriminator's gradients are unscaled before both are clipped."""

import torch
from torch import nn

torch.manual_seed(0)
gen, disc = nn.Linear(2, 3), nn.Linear(3, 1)
opt_g = torch.optim.Adam(gen.parameters(), lr=1e-2)
opt_d = torch.optim.Adam(disc.parameters(), lr=1e-2)
scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
for _ in range(4):
    real, noise = torch.randn(5, 3), torch.randn(5, 2)
    opt_d.zero_grad()
    loss_d = disc(gen(noise).detach()).mean() - disc(real).mean()
    scaler.scale(loss_d).backward()
    scaler.unscale_(opt_d)
    nn.utils.clip_grad_norm_(disc.parameters(), 1.0)
    scaler.step(opt_d)
    opt_g.zero_grad()
    loss_g = -disc(gen(noise)).mean()
    scaler.scale(loss_g).backward()
    nn.utils.clip_grad_norm_(gen.parameters(), 1.0)  # expect: GG108
    scaler.step(opt_g)
    scaler.update()
