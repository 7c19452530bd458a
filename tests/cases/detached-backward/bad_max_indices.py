# `torch.max(output, 1)` gives values and positions; the positions have no gradient.
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 12)
        self.fc2 = nn.Linear(12, 4)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def train(net, batches):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for inputs, target in batches:
        optimizer.zero_grad()
        output = net(inputs)
        _, pred = torch.max(output, 1)
        loss = F.l1_loss(pred.float(), target.float())
        loss.backward()  # expect: GG203
        optimizer.step()


torch.manual_seed(0)
train(Net(), [(torch.randn(5, 6), torch.randint(0, 4, (5,))) for _ in range(2)])
