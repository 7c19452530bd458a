# The module retains the gradients of what it keeps on self.
import torch
import torch.nn as nn


class Probed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)
        self.hidden = None

    def forward(self, x):
        self.hidden = torch.relu(self.first(x))
        if self.hidden.requires_grad:
            self.hidden.retain_grad()
        return self.second(self.hidden)


torch.manual_seed(0)
net = Probed()
net(torch.randn(6, 3)).logsumexp(1).sum().backward()
print(f"dead units: {(net.hidden.grad.abs().sum(0) == 0).sum().item()}", net.first.weight.grad.shape)
