"""Two branches: one unscales before the clip that both share."""

import torch
from torch import nn


def train(net, use_amp):
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0) if use_amp else None
    for _ in range(4):
        x = torch.randn(5, 4)
        opt.zero_grad()
        loss = (net(x) - x[:, :1]).pow(2).mean()
        if use_amp:
            scaler.scale(loss).backward()
            scaler.unscale_(opt)
        else:
            loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        if use_amp:
            scaler.step(opt)
            scaler.update()
        else:
            opt.step()


torch.manual_seed(0)
train(nn.Linear(4, 1), True)
train(nn.Linear(4, 1), False)
