# Grad-CAM: the forward hook keeps the activation, whose gradient is not retained.
import torch
import torch.nn as nn
import torch.nn.functional as F

activations = {}


def keep(name):
    def hook(module, inputs, output):
        activations[name] = output
    return hook


torch.manual_seed(0)
cnn = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
cnn[0].register_forward_hook(keep("conv"))
logits = cnn(torch.rand(1, 3, 6, 6))
logits[0, 2].backward()

fmap = activations["conv"]
pooled = fmap.grad.mean(dim=(2, 3), keepdim=True)  # expect: GG301
cam = F.relu((pooled * fmap).sum(dim=1))
print(cam.shape)
