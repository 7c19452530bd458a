import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
discriminator = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
opt_g = torch.optim.Adam(generator.parameters())
opt_d = torch.optim.Adam(discriminator.parameters())
criterion = nn.BCEWithLogitsLoss()
for _ in range(2):
    real, fake = torch.rand(4, 3), generator(torch.rand(4, 2))
    judged = discriminator(fake)
    d_loss = criterion(discriminator(real), torch.ones(4, 1)) + criterion(judged, torch.zeros(4, 1))
    g_loss = criterion(judged, torch.ones(4, 1))
    opt_d.zero_grad()
    d_loss.backward(retain_graph=True)
    opt_d.step()  # expect: GG503
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
