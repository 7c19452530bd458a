# DCGAN: the discriminator is cleared between the real and the fake half, so it only learns from fakes.
import torch
import torch.nn as nn

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4))
D = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
bce = nn.BCEWithLogitsLoss()
opt_g, opt_d = torch.optim.Adam(G.parameters(), 2e-3), torch.optim.Adam(D.parameters(), 2e-3)
for real in torch.randn(4, 8, 4):
    D.zero_grad()
    loss_real = bce(D(real), torch.ones(8, 1))
    loss_real.backward()

    D.zero_grad()  # expect: GG102
    fake = G(torch.randn(8, 3))
    loss_fake = bce(D(fake.detach()), torch.zeros(8, 1))
    loss_fake.backward()
    opt_d.step()

    G.zero_grad()
    loss_g = bce(D(fake), torch.ones(8, 1))
    loss_g.backward()
    opt_g.step()
print(loss_real.item(), loss_fake.item(), loss_g.item())
