# A decorator turns a loss function into a training step; clearing lives in the decorator.
import functools
import torch
import torch.nn as nn


def training_step(optimizer):
    def wrap(loss_fn):
        @functools.wraps(loss_fn)
        def inner(*args, **kwargs):
            optimizer.zero_grad()
            loss = loss_fn(*args, **kwargs)
            loss.backward()
            optimizer.step()
            return loss.item()

        return inner

    return wrap


torch.manual_seed(0)
projector = nn.Linear(6, 3, bias=False)


@training_step(torch.optim.SGD(projector.parameters(), lr=0.05))
def contrastive(a, b, temperature=0.5):
    za, zb = nn.functional.normalize(projector(a), dim=1), nn.functional.normalize(projector(b), dim=1)
    return nn.functional.cross_entropy(za @ zb.T / temperature, torch.arange(len(a)))


for _ in range(5):
    x = torch.randn(8, 6)
    print(contrastive(x, x + 0.1 * torch.randn_like(x)))
