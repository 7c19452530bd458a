# Projection onto the sphere rebinds the name before the loss is computed.
import torch
import torch.nn.functional as F

torch.manual_seed(0)
cloud = torch.randn(10, 3)
axis = torch.tensor([1.0, 1.0, 0.0], requires_grad=True)
axis = F.normalize(axis, dim=0)
spread = -(cloud @ axis).var()
spread.backward()
gradient = axis.grad  # expect: GG301
print(gradient if gradient is not None else "no gradient")
