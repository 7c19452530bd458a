"""An update by hand between two backward passes through one forward pass."""
import torch

torch.manual_seed(0)
w = torch.rand(3, requires_grad=True)
x = torch.rand(3)
prediction = (w * w * x).sum()
for target in (1.0, 2.0):
    loss = (prediction - target).pow(2)
    loss.backward(retain_graph=True)
    with torch.no_grad():
        w -= 0.1 * w.grad  # expect: GG502
        w.grad.zero_()
