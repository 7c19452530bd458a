"""Accumulation over four micro-batches, each of which is clipped by value."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_value_

torch.manual_seed(0)
model = nn.Linear(4, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
gradient_accumulation_steps = 4
optimizer.zero_grad()
for i in range(8):
    x, y = torch.randn(3, 4), torch.randint(0, 2, (3,))
    loss = nn.functional.cross_entropy(model(x), y) / gradient_accumulation_steps
    loss.backward()
    clip_grad_value_(model.parameters(), 0.05)  # expect: GG107
    if (i + 1) % gradient_accumulation_steps == 0:
        optimizer.step()
        optimizer.zero_grad()
