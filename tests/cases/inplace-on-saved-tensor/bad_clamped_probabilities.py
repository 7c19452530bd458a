import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.rand(8, 3), torch.randint(0, 2, (8, 1)).float()
for _ in range(2):
    p = torch.sigmoid(model(x))
    p.clamp_(1e-6, 1 - 1e-6)  # expect: GG502
    loss = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
