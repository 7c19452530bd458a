# nn.Parameter(...).double() is a result of the parameter, not a parameter.
import torch
from torch import nn


class Rescale:
    def __init__(self, n):
        self.gain = nn.Parameter(torch.ones(n)).double()
        self.bias = nn.Parameter(torch.zeros(n, dtype=torch.float64))

    def __call__(self, x):
        return x * self.gain + self.bias

    def report(self):
        for name in ("bias", "gain"):
            print(name, getattr(self, name).shape)
        print("bias gradient", self.bias.grad)
        print("gain gradient", self.gain.grad)  # expect: GG301


torch.manual_seed(0)
layer = Rescale(3)
layer(torch.randn(5, 3, dtype=torch.float64)).std().backward()
layer.report()
