import torch
from torch import nn

torch.manual_seed(0)
w = torch.ones(3, requires_grad=True)
layer = nn.Linear(3, 2)
layer.weight.data.uniform_(-0.1, 0.1)
layer.bias.data.fill_(0)
for _ in range(3):
    loss = (layer(w * torch.rand(3)) - 1).pow(2).sum()
    loss.backward()
    w.data -= 0.1 * w.grad
    w.detach().clamp_(-1, 1)
    w.grad.zero_()
    for p in layer.parameters():
        p.data.add_(p.grad, alpha=-0.1)
        p.grad.mul_(0)
