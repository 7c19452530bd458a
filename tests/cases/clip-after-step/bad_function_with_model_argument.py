"""A training function that clips at the end of each batch."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_


def train(model, batches, optimizer, max_norm):
    model.train()
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        clip_grad_norm_(model.parameters(), max_norm)  # expect: GG106


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
data = [(torch.randn(6, 4), torch.randint(0, 3, (6,))) for _ in range(4)]
train(net, data, torch.optim.Adam(net.parameters(), lr=1e-2), 0.5)
