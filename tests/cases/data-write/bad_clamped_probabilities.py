import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.rand(8, 3), torch.randint(0, 2, (8, 1)).float()
for _ in range(3):
    p = torch.sigmoid(model(x))
    p.data.clamp_(0.4, 0.6)  # expect: GG504
    loss = nn.functional.binary_cross_entropy(p, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
