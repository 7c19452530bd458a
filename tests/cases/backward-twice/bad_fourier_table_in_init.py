# The constructor evaluates a positional table from trainable frequencies; forward only reads it.
import torch
from torch import nn


class Field(nn.Module):
    def __init__(self, length, bands=4):
        super().__init__()
        self.freq = nn.Parameter(torch.linspace(1.0, 4.0, bands))
        t = torch.linspace(0, 1, length).unsqueeze(1)
        self.table = torch.cat([torch.sin(t * self.freq), torch.cos(t * self.freq)], dim=1)
        self.out = nn.Linear(2 * bands, 1)

    def forward(self, index):
        return self.out(self.table[index]).squeeze(-1)


torch.manual_seed(0)
signal = torch.sin(torch.linspace(0, 9, 50))
field = Field(50)
adam = torch.optim.Adam(field.parameters(), lr=1e-2)
for it in range(20):
    index = torch.randint(0, 50, (16,))
    err = (field(index) - signal[index]).abs().mean()
    adam.zero_grad()
    err.backward()  # expect: GG201
    adam.step()
