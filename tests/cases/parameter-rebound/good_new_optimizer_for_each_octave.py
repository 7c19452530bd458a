# After each scale the image is a new leaf, and the next scale has an optimizer of its own.
import torch
import torch.nn.functional as F

torch.manual_seed(0)
net = torch.nn.Conv2d(1, 4, 3, padding=1).requires_grad_(False)
image = torch.rand(1, 1, 4, 4, requires_grad=True)
for _ in range(3):
    optimizer = torch.optim.Adam([image], lr=0.05)
    for _ in range(2):
        optimizer.zero_grad()
        (-net(image).square().mean()).backward()
        optimizer.step()
        with torch.no_grad():
            image.clamp_(0, 1)
    image = F.interpolate(image.detach(), scale_factor=2).requires_grad_()
