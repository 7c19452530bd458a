import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batch, scale = torch.rand(4, 3), torch.ones(1)
for _ in range(3):
    output = torch.exp(model(batch) * scale)
    loss = output.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    output += 1
    output.detach().zero_()
    batch.copy_(torch.rand(4, 3))
    scale *= 0.9
