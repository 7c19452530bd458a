"""A list display runs through the iterators once; the list can be used again and again."""

import torch
from torch import nn

encoder, decoder = nn.Linear(3, 4), nn.Linear(4, 1)
params = [*encoder.parameters(), *decoder.parameters()]
optimizer = torch.optim.SGD(params, lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    loss = decoder(encoder(torch.randn(5, 3)).tanh()).pow(2).mean()
    loss.backward()
    nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step()
