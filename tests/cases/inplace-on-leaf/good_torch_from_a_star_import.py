"""The grad mode is switched by a manager of unseen origin: names from a star import, a helper of a library."""

import contextlib

from torch import *  # noqa: F403
from torch import nn, no_grad, set_grad_enabled


@contextlib.contextmanager
def frozen():
    with no_grad():
        yield


manual_seed(0)  # noqa: F405
model = nn.Linear(3, 1)
for _ in (1, 2, 3):
    loss = model(rand(4, 3)).pow(2).mean()  # noqa: F405
    loss.backward()
    with no_grad():
        for p in model.parameters():
            p.sub_(0.1 * p.grad)
            p.grad.zero_()
    with frozen():
        model.weight.clamp_(-1, 1)
    with set_grad_enabled(False):
        model.bias[0] = 0
