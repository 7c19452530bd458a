"""Mixed precision with a clip between the backward and the scaler's step."""

import torch
from torch import nn


def train_one_epoch(model, optimizer, scaler, loader, clip_norm=1.0):
    for x, y in loader:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x)
            loss = nn.functional.cross_entropy(out.float(), y)
        scaler.scale(loss).backward()
        if clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)  # expect: GG108
        scaler.step(optimizer)
        scaler.update()


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
data = [(torch.randn(6, 4), torch.randint(0, 3, (6,))) for _ in range(3)]
train_one_epoch(net, torch.optim.SGD(net.parameters(), lr=0.1), torch.amp.GradScaler("cpu"), data)
