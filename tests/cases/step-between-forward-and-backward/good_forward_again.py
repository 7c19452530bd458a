import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.rand(6, 3), torch.rand(6, 1)
losses = []
for _ in range(3):
    loss = (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)  # noqa: GG207
    optimizer.step()
    losses.append(loss.detach())
    penalty = model(x).abs().mean() + losses[-1]
    optimizer.zero_grad()
    penalty.backward()
    optimizer.step()
print(sum(losses))
