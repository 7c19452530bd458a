import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = [(torch.randn(6, 4), torch.randn(6, 1)) for _ in range(8)]


def train(shared):
    for x, y in batches:
        optimizer.zero_grad()
        features = model[:2](x)
        loss = (model[2](features) - y).pow(2).mean()
        loss.backward(retain_graph=shared)
        if shared:
            features.sum().backward()
        optimizer.step()


train(True)
train(False)
