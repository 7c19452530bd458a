# No .backward anywhere: gradients come from torch.autograd.grad and are assigned.
import torch
import torch.nn as nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
params = tuple(net.parameters())
optimizer = torch.optim.Adam(params, lr=1e-2)
for _ in range(5):
    x = torch.randn(12, 3)
    loss = (net(x).squeeze(1) - x.norm(dim=1)).pow(2).mean()
    for p, g in zip(params, torch.autograd.grad(loss, params)):
        p.grad = g
    optimizer.step()
print(loss.item())
