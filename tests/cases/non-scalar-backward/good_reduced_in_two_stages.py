# Sum over the features first, mean over the batch afterwards.
import torch
from torch import nn

torch.manual_seed(0)
enc, dec = nn.Linear(8, 4), nn.Linear(2, 8)
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()])
for x in torch.rand(3, 5, 8):
    mu, logvar = enc(x).chunk(2, dim=1)
    recon = dec(mu + torch.randn_like(mu) * (logvar / 2).exp())
    per_sample = (recon - x).pow(2).sum(dim=1) - 0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1)
    loss = per_sample.mean(dim=0)
    opt.zero_grad()
    loss.backward()
    opt.step()
