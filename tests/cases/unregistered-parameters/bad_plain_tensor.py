import torch
from torch import nn


class Pooling(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.embed = nn.Linear(6, width)
        self.query = torch.randn(width, 1, requires_grad=True)  # expect: GG304

    def forward(self, x):
        hidden = torch.tanh(self.embed(x))
        weights = torch.softmax(hidden @ self.query, dim=1)
        return (weights * hidden).sum(dim=1).mean(dim=1)


def train():
    torch.manual_seed(0)
    model = Pooling(4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(6):
        optimizer.zero_grad()
        loss = (model(torch.randn(8, 5, 6)) - 1.0).pow(2).mean()
        loss.backward()
        optimizer.step()


train()
