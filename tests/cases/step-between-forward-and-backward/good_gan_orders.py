"""The fake images are judged anew for the generator; or both backward passes run before both steps."""
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
    d_loss = criterion(discriminator(real), torch.ones(4, 1))
    d_loss = d_loss + criterion(discriminator(fake.detach()), torch.zeros(4, 1))
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()
    g_loss = criterion(discriminator(fake), torch.ones(4, 1))
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
for _ in range(2):
    judged = discriminator(generator(torch.rand(4, 2)))
    d_loss = criterion(discriminator(torch.rand(4, 3)), torch.ones(4, 1)) + criterion(judged, torch.zeros(4, 1))
    g_loss = criterion(judged, torch.ones(4, 1))
    opt_d.zero_grad()
    d_loss.backward(retain_graph=True, inputs=list(discriminator.parameters()))
    opt_g.zero_grad()
    g_loss.backward(inputs=list(generator.parameters()))
    opt_d.step()
    opt_g.step()
