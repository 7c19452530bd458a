"""A trainer whose epoch method steps the schedule before it trains."""

import torch
from torch import nn


class Trainer:
    def __init__(self, net, epochs):
        self.net = net
        self.epochs = epochs
        self.opt = torch.optim.Adam(net.parameters(), lr=1e-2)
        self.lr_decay = torch.optim.lr_scheduler.MultiStepLR(self.opt, milestones=[2, 4])

    def train_epoch(self):
        self.lr_decay.step()  # expect: GG105
        total = 0.0
        for _ in range(2):
            x = torch.randn(4, 3)
            self.opt.zero_grad()
            loss = (self.net(x) - x.mean(1, keepdim=True)).pow(2).mean()
            loss.backward()
            self.opt.step()
            total += loss.item()
        return total

    def fit(self):
        for epoch in range(self.epochs):
            print(epoch, self.train_epoch())


torch.manual_seed(0)
Trainer(nn.Linear(3, 1), 3).fit()
