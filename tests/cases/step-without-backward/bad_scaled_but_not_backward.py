# The loss is scaled, and then the scaler steps: .backward() is missing behind scaler.scale(loss).
import torch
import torch.nn as nn

torch.manual_seed(0)
counter = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 3))
optimizer = torch.optim.SGD(counter.parameters(), lr=1e-2)
scaler = torch.amp.GradScaler("cpu", init_scale=32.0)
for image in torch.rand(3, 2, 1, 8, 8):
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        density = counter(image)
        loss = (density.float().sum((1, 2, 3)) - image.sum((1, 2, 3))).abs().mean()
    scaler.scale(loss)
    scaler.step(optimizer)  # expect: GG103
    scaler.update()
