# torch.autograd.grad of a loss that was computed from a detached output.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
x = torch.randn(5, 3)
score = model(x).detach()
loss = score.pow(2).mean()
grads = torch.autograd.grad(loss, list(model.parameters()))  # expect: GG203
print(len(grads))
