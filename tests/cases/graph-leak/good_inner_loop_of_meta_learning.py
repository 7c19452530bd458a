import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
w = torch.zeros(4, 1, requires_grad=True)
outer = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    fast, losses = w, []
    for x, y in batches[:3]:
        loss = (x @ fast - y).pow(2).mean()
        (g,) = torch.autograd.grad(loss, fast, create_graph=True)
        fast = fast - 0.1 * g
        losses.append((x @ fast - y).pow(2).mean())
    outer.zero_grad()
    torch.stack(losses).sum().backward()
    outer.step()
