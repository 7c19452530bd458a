import torch
import torch.nn as nn


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.Linear(3, 3)
        self.gain = torch.ones(3).requires_grad_()  # expect: GG304

    def forward(self, x):
        return self.norm(x) * self.gain


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.last = nn.Linear(3, 1)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(5):
    loss = nn.functional.mse_loss(net(torch.randn(4, 3)), torch.ones(4, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
