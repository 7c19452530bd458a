import torch
from torch import nn


class Prompted(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.prompt = torch.zeros(3, requires_grad=True)

    def forward(self, x):
        return self.layer(x + self.prompt)


model = Prompted()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    model(torch.randn(4, 3)).pow(2).mean().backward()
    optimizer.step()
    with torch.no_grad():
        model.prompt -= 0.1 * model.prompt.grad
    model.prompt.grad = None
