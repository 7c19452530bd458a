import torch
from torch import nn


class Trainer:
    def __init__(self):
        self.encoder = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
        self.heads = nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])
        self.optimizers = [
            torch.optim.SGD([*self.encoder.parameters(), *head.parameters()], lr=0.1) for head in self.heads
        ]

    def train_step(self, x, y):
        features = self.encoder(x)
        for head, optimizer in zip(self.heads, self.optimizers):
            loss = (head(features) - y).pow(2).mean()
            optimizer.zero_grad()
            loss.backward(retain_graph=True)
            optimizer.step()  # expect: GG503


torch.manual_seed(0)
trainer = Trainer()
for _ in range(2):
    trainer.train_step(torch.rand(5, 3), torch.rand(5, 1))
