# Neural style on an array image: channels are moved after the leaf was made.
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(0)
array = rng.random((6, 6, 3), dtype=np.float32)
canvas = torch.from_numpy(array).requires_grad_().permute(2, 0, 1)[None]

torch.manual_seed(0)
features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
wanted = torch.zeros(4, 4)
for step in range(2):
    response = features(canvas).flatten(2).squeeze(0)
    style = (response @ response.t() / response.numel() - wanted).norm()
    style.backward()
    if canvas.grad is not None:  # expect: GG301
        canvas.data.sub_(0.1 * canvas.grad)
        canvas.grad.zero_()
