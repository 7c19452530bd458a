# zero_grad is called in the validation routine instead of the training one.
import torch
import torch.nn as nn


class Experiment:
    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
        self.optim = torch.optim.Adam(self.net.parameters(), lr=1e-2)
        self.train_set = torch.randn(5, 8, 4)
        self.val_set = torch.randn(2, 8, 4)

    def criterion(self, x):
        return (self.net(x).squeeze(1) - x.max(1).values).pow(2).mean()

    def train(self):
        self.net.train()
        for x in self.train_set:
            loss = self.criterion(x)
            loss.backward()  # expect: GG101
            self.optim.step()
        return loss.item()

    def validate(self):
        self.net.eval()
        losses = []
        for x in self.val_set:
            self.optim.zero_grad()
            with torch.no_grad():
                losses.append(self.criterion(x).item())
        return sum(losses) / len(losses)

    def run(self, epochs=2):
        for epoch in range(epochs):
            print(epoch, self.train(), self.validate())


Experiment().run()
