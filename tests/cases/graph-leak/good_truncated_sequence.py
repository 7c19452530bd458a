import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
cell = nn.RNNCell(4, 4)
both = torch.optim.SGD([*model.parameters(), *cell.parameters()], lr=0.1)
hidden = torch.zeros(6, 4)
for start in range(0, 8, 4):
    hidden = hidden.detach()
    loss, states = 0.0, []
    for x, y in batches[start : start + 4]:
        hidden = cell(x, hidden)
        states.append(hidden)
        loss = loss + (model(hidden) - y).pow(2).mean()
    loss = loss + 0.01 * torch.stack(states).pow(2).mean()
    both.zero_grad()
    loss.backward()
    both.step()
