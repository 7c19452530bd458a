"""The operation is not known here; what its result's backward is given is a gradient, not a loss."""

import importlib

import numpy as np
import torch

kernels = importlib.import_module("torch")

for _ in range(2):
    a = torch.tensor(np.random.rand(4, 3)).requires_grad_()
    dc = torch.tensor(np.random.rand(4, 3)).to(torch.float64)
    c = kernels.mul(a, 2.0)
    c.backward(dc)
    print(a.grad.clone())
