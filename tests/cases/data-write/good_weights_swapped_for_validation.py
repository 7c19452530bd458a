import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
average = [p.data.clone() for p in model.parameters()]
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    loss = model(torch.rand(4, 3)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for a, p in zip(average, model.parameters()):
        a.mul_(0.9).add_(p.data, alpha=0.1)
    own = [p.data for p in model.parameters()]
    for a, p in zip(average, model.parameters()):
        p.data = a
    with torch.no_grad():
        print(model(torch.rand(4, 3)).mean())
    for saved, p in zip(own, model.parameters()):
        p.data = saved
