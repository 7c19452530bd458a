# The dtype comes from outside.
import torch


def leaf(values, dtype):
    t = torch.tensor(values, dtype=dtype)
    return t.requires_grad_()


w = leaf([1, 2, 3], torch.float64)
v = torch.zeros(3, dtype=torch.complex64, requires_grad=True)
(w.sum() + v.abs().sum()).backward()
