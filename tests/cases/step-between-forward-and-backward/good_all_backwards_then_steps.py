import torch
from torch import nn

torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
heads = nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])
optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (encoder, heads)]
for _ in range(2):
    features = encoder(torch.rand(5, 3))
    for optimizer in optimizers:
        optimizer.zero_grad()
    for head in heads:
        head(features).pow(2).mean().backward(retain_graph=True)
    for optimizer in optimizers:
        optimizer.step()
