# functools.partial builds the update from three callables; none of them clears.
from functools import partial

import torch
from torch import nn


def forward_loss(net, batch):
    x, y = batch
    return nn.functional.mse_loss(net(x), y)


def apply_update(net, optimizer, loss_fn, batch):
    loss = loss_fn(net, batch)
    loss.backward()  # expect: GG101
    optimizer.step()
    return {"loss": loss.detach().item()}


def train(update, batches, epochs):
    for _ in range(epochs):
        metrics = [update(batch) for batch in batches]
    return metrics[-1]


torch.manual_seed(0)
net = nn.Linear(3, 1)
update = partial(apply_update, net, torch.optim.SGD(net.parameters(), lr=0.1), forward_loss)
print(train(update, [(torch.randn(4, 3), torch.randn(4, 1)) for _ in range(3)], epochs=2))
