# Molecular dynamics: forces are taken from the energy graph, which the loss on the energy needs afterwards.
import torch
import torch.nn as nn


class Potential(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 8), nn.Softplus(), nn.Linear(8, 1))

    def forward(self, pos):
        i, j = torch.triu_indices(len(pos), len(pos), offset=1)
        dist = (pos[i] - pos[j]).norm(dim=1, keepdim=True)
        return self.net(dist).sum()


def energy_and_forces(model, pos):
    pos = pos.clone().requires_grad_(True)
    energy = model(pos)
    forces = -torch.autograd.grad(energy, pos)[0]
    return energy, forces


torch.manual_seed(0)
model = Potential()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
pos, ref_e, ref_f = torch.randn(4, 3), torch.tensor(-1.5), torch.zeros(4, 3)
for it in range(3):
    energy, forces = energy_and_forces(model, pos)
    loss = (energy - ref_e) ** 2 + (forces - ref_f).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()  # expect: GG201
    optimizer.step()
