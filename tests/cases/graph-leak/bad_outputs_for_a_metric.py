import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]


class Trainer:
    def __init__(self):
        self.predictions, self.targets = [], []

    def step(self, x, y):
        out = model(x)
        loss = nn.functional.mse_loss(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.predictions.append(out)  # expect: GG209
        self.targets.append(y)
        return loss.item()

    def fit(self):
        for x, y in batches:
            self.step(x, y)
        return torch.cat(self.predictions).sub(torch.cat(self.targets)).abs().mean()


print(float(Trainer().fit()))
