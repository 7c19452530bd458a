import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.value = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        gate = self.gate(x).sigmoid()
        value = self.value(x)
        out = gate * value
        value.mul_(0.5)  # expect: GG502
        return out + value


torch.manual_seed(0)
model = Gate()
optimizer = torch.optim.Adam(model.parameters())
for _ in range(2):
    loss = model(torch.rand(3, 4)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
