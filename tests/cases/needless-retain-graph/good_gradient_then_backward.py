import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
for x, y in batches:
    x.requires_grad_()
    loss = (model(x) - y).pow(2).mean()
    (g,) = torch.autograd.grad(loss, x, retain_graph=True)
    print(g.norm().item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
