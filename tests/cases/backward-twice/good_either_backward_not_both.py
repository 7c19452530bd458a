# Mixed precision or full precision: only one of the two backward calls runs in a step.
import argparse

import torch
from torch import nn


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--steps", type=int, default=3)
    return parser.parse_args([])


args = parse()
torch.manual_seed(0)
model = nn.Linear(5, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", enabled=args.amp)
for _ in range(args.steps):
    loss = nn.functional.cross_entropy(model(torch.randn(4, 5)), torch.randint(0, 2, (4,)))
    optimizer.zero_grad()
    if args.amp:
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        continue
    loss.backward()
    optimizer.step()
