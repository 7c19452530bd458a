# Pruning: the masked weight has its own name, the gradient is read from the weight.
import torch
from torch import nn

torch.manual_seed(0)
layer = nn.Linear(4, 4, bias=False)
mask = (torch.rand(4, 4) > 0.3).float()
for x in torch.randn(3, 5, 4):
    pruned = layer.weight * mask
    out = nn.functional.linear(x, pruned)
    layer.zero_grad()
    out.square().mean().backward()
    importance = (layer.weight * layer.weight.grad).abs() * mask
    with torch.no_grad():
        layer.weight -= 0.1 * layer.weight.grad * mask
print(importance.sum().item())
