# Grad-CAM with retain_grad in the hook.
import torch
import torch.nn as nn

store = {}


def keep(module, inputs, output):
    output.retain_grad()
    store["fmap"] = output


torch.manual_seed(0)
cnn = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
handle = cnn[0].register_forward_hook(keep)
cnn(torch.rand(1, 3, 6, 6))[0, 2].backward()
handle.remove()
weights = store["fmap"].grad.mean(dim=(2, 3), keepdim=True)
print(torch.relu((weights * store["fmap"]).sum(1)).shape)
