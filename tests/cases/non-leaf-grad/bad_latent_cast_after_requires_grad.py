# Latent optimisation: the latent is cast to double after it asked for its gradient.
import torch
from torch import nn


def project(generator, target, steps=3, lr=0.1):
    z = torch.randn(1, 4, requires_grad=True).to(torch.float64)
    for i in range(steps):
        loss = (generator(z) - target).pow(2).mean()
        loss.backward()
        step = z.grad  # expect: GG301
        if step is not None:
            z.data -= lr * step
    return z.detach()


torch.manual_seed(0)
generator = nn.Linear(4, 6).double()
print(project(generator, torch.zeros(1, 6, dtype=torch.float64)))
