"""Several iterators, each of which is used once; the first parameter is looked at with next."""

import itertools

import torch
from torch import nn


def count(parameters):
    return sum(p.numel() for p in parameters)


torch.manual_seed(0)
encoder, decoder = nn.Linear(3, 4), nn.Linear(4, 3)
device = next(encoder.parameters()).device
print(count(encoder.parameters()), count(decoder.parameters()))
params = itertools.chain(encoder.parameters(), decoder.parameters())
opt = torch.optim.SGD(params, lr=0.1)
for _ in range(3):
    x = torch.randn(4, 3, device=device)
    opt.zero_grad()
    (decoder(encoder(x).tanh()) - x).pow(2).mean().backward()
    for group in opt.param_groups:
        nn.utils.clip_grad_norm_(group["params"], 1.0)
    opt.step()
