"""The backbone has a group of its own, with a rate of its own, and is detached in `forward`."""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        features = torch.tanh(self.backbone(x)).detach()  # expect: GG403
        return self.head(features)


def main():
    net = Net()
    optimizer = torch.optim.SGD(
        [{"params": net.backbone.parameters(), "lr": 0.01}, {"params": net.head.parameters()}], lr=0.1
    )
    criterion = nn.CrossEntropyLoss()
    for _ in range(4):
        x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
