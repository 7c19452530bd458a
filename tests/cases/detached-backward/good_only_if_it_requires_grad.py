# backward is guarded.
import torch
from torch import nn


def run(model, batches, optimizer=None):
    torch.set_grad_enabled(optimizer is not None)
    for x in batches:
        loss = model(x).pow(2).mean()
        if loss.requires_grad:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.set_grad_enabled(True)


torch.manual_seed(0)
net = nn.Linear(3, 1)
data = [torch.randn(4, 3) for _ in range(2)]
run(net, data, torch.optim.SGD(net.parameters(), lr=0.1))
run(net, data)
