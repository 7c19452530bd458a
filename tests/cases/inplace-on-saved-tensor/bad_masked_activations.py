import torch
from torch import nn

torch.manual_seed(0)
encoder, head = nn.Linear(4, 6), nn.Linear(6, 2)
x = torch.randn(5, 4)
padding = torch.tensor([False, False, True, True, False])
hidden = torch.tanh(encoder(x))
hidden[padding] = 0  # expect: GG502
loss = head(hidden).pow(2).mean()
loss.backward()
