# The write through .data comes after exp() has saved its result: no error, and a gradient that is wrong there.
import torch

x = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
y = x.exp()
y.data.clamp_(max=1.0)  # expect: GG504
y.sum().backward()
print("gradient:", x.grad.tolist())
