import torch
from torch import nn


class Explained(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.input = None

    def forward(self, x):
        self.input = x.clone().requires_grad_()
        return self.layer(self.input)


model = Explained()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    optimizer.step()
    print(model.input.grad.abs().mean())
