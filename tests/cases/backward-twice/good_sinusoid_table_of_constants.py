# The positional table is computed in the constructor from constants only.
import math

import torch
from torch import nn


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=32):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        rate = torch.exp(torch.arange(0, d_model, 2) * (-math.log(1e4) / d_model))
        table = torch.zeros(max_len, d_model)
        table[:, 0::2] = torch.sin(position * rate)
        table[:, 1::2] = torch.cos(position * rate)
        self.table = table
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return x + self.scale * self.table[: x.size(1)]


torch.manual_seed(0)
model = nn.Sequential(nn.Embedding(9, 6), PositionalEncoding(6), nn.Linear(6, 9))
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _ in range(3):
    tokens = torch.randint(0, 9, (2, 7))
    loss = nn.functional.cross_entropy(model(tokens).transpose(1, 2), tokens)
    opt.zero_grad()
    loss.backward()
    opt.step()
