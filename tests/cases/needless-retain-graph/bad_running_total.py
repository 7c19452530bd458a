import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
total = 0.0
for x, y in batches[:5]:
    total = total + (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    total.backward(retain_graph=True)  # expect: GG207
