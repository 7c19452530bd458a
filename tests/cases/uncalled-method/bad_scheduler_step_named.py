# The learning-rate schedule of a trainer class never advances.
import torch
import torch.nn as nn


class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.4)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=4)

    def run_epoch(self, data):
        for x in data:
            self.optimizer.zero_grad()
            loss = (self.net(x) - x).abs().mean()
            loss.backward()
            self.optimizer.step()
        self.scheduler.step  # expect: GG401
        return loss.item()


torch.manual_seed(0)
trainer = Trainer(nn.Linear(3, 3))
for epoch in range(3):
    print(epoch, trainer.run_epoch(torch.randn(3, 4, 3)), trainer.optimizer.param_groups[0]["lr"])
