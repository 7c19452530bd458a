# The score is computed by a helper on arrays, and a tensor made of it again.
import numpy as np
import torch


def roughness(curve, weights=(1.0, 0.1)):
    slope = np.diff(curve)
    bend = np.diff(slope)
    return weights[0] * np.square(slope).sum() + weights[1] * np.abs(bend).sum()


torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
grid = torch.linspace(0, 1, 9).unsqueeze(1)
for _ in range(2):
    curve = net(grid).squeeze(1)
    score = roughness(curve.detach().cpu().numpy())
    loss = torch.tensor(score, dtype=torch.float32)
    optimizer.zero_grad()
    loss.backward()  # expect: GG203
    optimizer.step()
