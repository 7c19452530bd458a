# Plotting the derivative of an activation over a grid.
import torch

grid = torch.arange(-4.0, 4.0, 0.5, requires_grad=True)
curves = {}
areas = {}
for name, fn in [("tanh", torch.tanh), ("softplus", torch.nn.functional.softplus)]:
    y = fn(grid)
    grid.grad = None
    y.backward()  # expect: GG202
    curves[name] = (y.detach(), grid.grad.clone())
    areas[name] = torch.trapezoid(grid.grad, grid.detach()).item()
