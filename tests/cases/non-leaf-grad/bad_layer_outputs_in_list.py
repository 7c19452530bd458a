# Vanishing gradients: the outputs of the layers are collected and their gradients are printed.
import torch
from torch import nn


class Deep(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, x):
        outs = []
        for layer in self.layers:
            x = torch.sigmoid(layer(x))
            outs.append(x)
        return outs


torch.manual_seed(0)
outs = Deep(4, 5)(torch.randn(3, 5))
outs[-1].sum().backward()
for depth, out in enumerate(outs):
    grad = out.grad  # expect: GG301
    print(depth, "none" if grad is None else grad.abs().mean().item())
