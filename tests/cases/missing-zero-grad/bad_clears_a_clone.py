# The zeroed tensor is a copy of the gradient, so the real one keeps adding up.
import torch

torch.manual_seed(0)
image = torch.zeros(1, 1, 6, 6, requires_grad=True)
features = torch.nn.Conv2d(1, 4, 3).requires_grad_(False)
wanted = features(torch.rand(1, 1, 6, 6))

for octave in range(8):
    mismatch = (features(image) - wanted).pow(2).mean()
    mismatch.backward()  # expect: GG101
    g = image.grad.clone()
    g /= g.abs().mean() + 1e-8
    image.data.sub_(0.1 * g)
    image.data.clamp_(0, 1)
    g.zero_()
    print(octave, mismatch.item())
