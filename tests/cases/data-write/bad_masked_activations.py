import torch
from torch import nn

torch.manual_seed(0)
encoder, head = nn.Linear(4, 6), nn.Linear(6, 2)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
padding = torch.tensor([False, False, True, True, False])
for _ in range(3):
    hidden = torch.tanh(encoder(torch.randn(5, 4)))
    hidden.data[padding] = 0  # expect: GG504
    loss = head(hidden).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
