import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
seen = torch.zeros(2)
for _ in range(3):
    out = torch.softmax(model(torch.rand(6, 3)), 1)
    best = out.data.max(1)[1]
    copy = out.data.clone()
    copy[copy < 0.5] = 0
    seen += out.data.sum(0)
    loss = -out.log().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(best, loss.data, copy)
