# Dreaming: the image is rebound to a detached leaf in every step, in one expression or two.
import torch
from torch import nn

torch.manual_seed(0)
layer = nn.Conv2d(1, 2, 3)
image = torch.rand(1, 1, 5, 5, requires_grad=True)
for step in range(4):
    layer(image).relu().mean().backward()
    if step % 2:
        image = (image + 0.5 * image.grad / image.grad.norm()).clamp(0, 1).detach().requires_grad_(True)
    else:
        image = image.detach() + 0.5 * image.grad
        image.requires_grad_()
layer.zero_grad()
print(image.is_leaf, image.mean().item())
