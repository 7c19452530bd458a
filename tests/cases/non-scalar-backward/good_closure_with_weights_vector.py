# The unreduced loss meets the sample weights in a dot product.
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(10, 2), torch.randint(0, 2, (10,))
weights = torch.rand(10)
weights = weights / weights.sum()
logistic = nn.Linear(2, 2)
lbfgs = torch.optim.LBFGS(logistic.parameters(), max_iter=5)


def closure():
    lbfgs.zero_grad()
    each = nn.functional.cross_entropy(logistic(x), y, reduction="none")
    loss = weights @ each
    loss.backward()
    return loss


lbfgs.step(closure)
