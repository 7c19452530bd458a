"""The probe learns from detached features; the encoder learns from a loss of its own."""

import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder, probe = nn.Linear(4, 2), nn.Linear(2, 4), nn.Linear(2, 2)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters(), *probe.parameters()], lr=1e-2)
for _ in range(4):
    x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
    code = encoder(x)
    rebuilt = (decoder(code) - x).pow(2).mean()
    loss = rebuilt + nn.functional.cross_entropy(probe(code.detach()), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
