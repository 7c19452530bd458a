import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
head = nn.Linear(8, 1)
both = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
for x, y in batches:
    both.zero_grad()
    features = model[:2](x)
    first = (model[2](features) - y).pow(2).mean()
    second = head(features).pow(2).mean()
    first.backward(retain_graph=True)
    second.backward(retain_graph=True)  # expect: GG207
    both.step()
