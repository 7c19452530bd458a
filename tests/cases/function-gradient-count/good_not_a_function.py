"""Layers by hand that happen to have a forward and a backward are not autograd's business."""

import torch


class Layer:
    def forward(self, x, weight):
        self.x = x
        return x @ weight

    def backward(self, grad):
        return self.x.T @ grad


class Function(torch.nn.Module):
    def forward(self, x):
        return x * 2


layer = Layer()
out = layer.forward(torch.ones(2, 3), torch.ones(3, 1))
print(layer.backward(torch.ones_like(out)), Function()(out))
