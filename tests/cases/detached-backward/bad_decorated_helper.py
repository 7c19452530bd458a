# The helper that computes the loss is decorated with no_grad.
import torch
from torch import nn


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        self.criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def compute_loss(self, x, y):
        return self.criterion(self.model(x), y)

    def fit(self, batches):
        for x, y in batches:
            loss = self.compute_loss(x, y)
            self.optimizer.zero_grad()
            loss.backward()  # expect: GG203
            self.optimizer.step()


torch.manual_seed(0)
Trainer(nn.Linear(3, 2)).fit([(torch.randn(4, 3), torch.randint(0, 2, (4,))) for _ in range(2)])
