# The test loss is summed over the data set with gradients switched on: all graphs are in memory at once.
import torch
from torch import nn


class Runner:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        self.optim = torch.optim.Adam(self.net.parameters(), lr=1e-2)

    def train(self, train_loader):
        self.net.train()
        for x, y in train_loader:
            self.optim.zero_grad()
            nn.functional.mse_loss(self.net(x), y).backward()
            self.optim.step()

    def test(self, test_loader):
        self.net.eval()
        test_loss = 0
        for x, y in test_loader:
            test_loss += nn.functional.mse_loss(self.net(x), y)  # expect: GG209
        return float(test_loss) / len(test_loader)


torch.manual_seed(0)
batches = [(torch.randn(5, 4), torch.randn(5, 1)) for _ in range(8)]
runner = Runner()
for _ in range(2):
    runner.train(batches[:5])
    print(runner.test(batches[5:]))
