"""A helper that encodes is decorated, and the encoder is to be trained with the rest."""

import itertools

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(6, 3), nn.Linear(3, 6)


@torch.no_grad()  # expect: GG403
def encode(x):
    return torch.tanh(encoder(x))


optimizer = torch.optim.Adam(itertools.chain(encoder.parameters(), decoder.parameters()), lr=1e-2)
for _ in range(4):
    x = torch.randn(8, 6)
    loss = (decoder(encode(x)) - x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
