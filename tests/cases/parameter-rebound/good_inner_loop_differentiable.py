# Learning to learn: the inner weights are results on purpose, the outer step differentiates through them.
import torch
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
net = nn.Linear(2, 1)
log_lr = torch.tensor(-2.0, requires_grad=True)
outer = torch.optim.Adam([*net.parameters(), log_lr], lr=1e-2)
for episode in range(3):
    xs, ys, xq, yq = torch.randn(5, 2), torch.randn(5, 1), torch.randn(5, 2), torch.randn(5, 1)
    weights = dict(net.named_parameters())
    for _ in range(2):
        inner = (functional_call(net, weights, (xs,)) - ys).pow(2).mean()
        grads = torch.autograd.grad(inner, tuple(weights.values()), create_graph=True)
        weights = {k: w - log_lr.exp() * g for (k, w), g in zip(weights.items(), grads)}
    outer.zero_grad()
    (functional_call(net, weights, (xq,)) - yq).pow(2).mean().backward()
    outer.step()
print(log_lr.item())
