"""A warm-up per batch that is advanced between the backward and the step."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=lambda step: min(1.0, (step + 1) / 4))
for epoch in range(2):
    for _ in range(3):
        x, y = torch.randn(5, 4), torch.randint(0, 2, (5,))
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        warmup.step()  # expect: GG105
        optimizer.step()
        optimizer.zero_grad()
