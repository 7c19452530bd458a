"""An encoder is fitted to a decoder that was loaded, and is in evaluation mode."""

import torch
from torch import nn

torch.manual_seed(0)
decoder = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 6))
decoder.load_state_dict({k: v * 2 for k, v in decoder.state_dict().items()})
decoder.eval()
encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-2)
for _ in range(4):
    x = torch.randn(5, 6)
    optimizer.zero_grad()
    nn.functional.mse_loss(decoder(encoder(x)), x).backward()
    optimizer.step()
