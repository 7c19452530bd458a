import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]
cell = nn.RNNCell(4, 4)
head = nn.Linear(4, 1)
hidden = torch.zeros(6, 4)
for x, y in batches[:5]:
    hidden = cell(x, hidden)
    loss = (head(hidden) - y).pow(2).mean()
    loss.backward(retain_graph=True)  # expect: GG207
    print(loss.item())
