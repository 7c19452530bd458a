import torch
from torch import nn


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.mean.mul_(0.9).add_(x.detach().mean(0), alpha=0.1)
            self.count += 1
        return (x - self.mean.clone()) * self.scale


torch.manual_seed(0)
norm = Norm(3)
optimizer = torch.optim.SGD(norm.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    norm(torch.rand(4, 3)).pow(2).mean().backward()
    optimizer.step()
