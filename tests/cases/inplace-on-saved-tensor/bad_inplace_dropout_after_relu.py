import torch
from torch import nn

torch.manual_seed(0)
mlp = nn.Sequential(
    nn.Linear(4, 16),
    nn.ReLU(),
    nn.Dropout(0.5, inplace=True),  # expect: GG502
    nn.Linear(16, 2),
)
optimizer = torch.optim.SGD(mlp.parameters(), lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(mlp(torch.rand(8, 4)), torch.randint(0, 2, (8,)))
    loss.backward()
    optimizer.step()
