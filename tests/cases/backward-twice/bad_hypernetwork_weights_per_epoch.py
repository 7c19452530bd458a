# A hypernetwork generates the weights once for an epoch, but every batch has its own backward call.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Hyper(nn.Module):
    def __init__(self, code: int, shape: tuple[int, int]):
        super().__init__()
        self.shape = shape
        self.code = nn.Parameter(torch.randn(code))
        self.gen = nn.Linear(code, shape[0] * shape[1])

    def forward(self):
        return self.gen(torch.tanh(self.code)).view(self.shape)


def train(epochs: int = 2) -> None:
    torch.manual_seed(0)
    hyper = Hyper(3, (2, 5))
    optimizer = torch.optim.Adam(hyper.parameters(), lr=1e-2)
    for _ in range(epochs):
        weight = hyper()
        for _ in range(3):
            x, y = torch.randn(4, 5), torch.randint(0, 2, (4,))
            loss = F.cross_entropy(F.linear(x, weight), y)
            optimizer.zero_grad()
            loss.backward()  # expect: GG201
            optimizer.step()


train()
