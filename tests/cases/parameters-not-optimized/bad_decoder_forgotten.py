"""An auto-encoder whose optimizer has the encoder alone."""

import torch
from torch import nn

class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
        self.decoder = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 6))

    def forward(self, x):
        return self.decoder(self.encoder(x))


torch.manual_seed(0)
model = AutoEncoder()
optimizer = torch.optim.Adam(model.encoder.parameters(), lr=1e-2)  # expect: GG303
for _ in range(4):
    x = torch.randn(5, 6)
    loss = nn.functional.mse_loss(model(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
