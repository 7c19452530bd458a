# A helper on arrays gives a number for the log and a weight for the loss, which has a graph of its own.
import numpy as np
import torch


def roughness(curve):
    return float(np.square(np.diff(curve)).sum())


torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
grid = torch.linspace(0, 1, 9).unsqueeze(1)
log = []
for _ in range(3):
    curve = net(grid).squeeze(1)
    score = roughness(curve.detach().numpy())
    log.append(score)
    weight = torch.tensor(1.0 / (1.0 + score))
    loss = weight * torch.diff(curve).square().sum() + (curve - grid.squeeze(1)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
