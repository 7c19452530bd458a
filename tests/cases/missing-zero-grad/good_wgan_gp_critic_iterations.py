# WGAN-GP with several critic iterations: cleared inside the inner loop, requires_grad switched in between.
import torch
from torch import autograd, nn

torch.manual_seed(1)
LAMBDA, CRITIC_ITERS, BATCH = 10, 3, 6
netG = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 2))
netD = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 1))
optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-4, betas=(0.5, 0.9))
optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-4, betas=(0.5, 0.9))
one = torch.tensor(1.0)
mone = one * -1


def calc_gradient_penalty(netD, real, fake):
    alpha = torch.rand(BATCH, 1).expand_as(real)
    mix = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    score = netD(mix)
    grads = autograd.grad(score, mix, torch.ones_like(score), create_graph=True, retain_graph=True)[0]
    return ((grads.norm(2, dim=1) - 1) ** 2).mean() * LAMBDA


def data_stream():
    while True:
        yield torch.randn(BATCH, 2) + 2


data = data_stream()
for iteration in range(3):
    for p in netD.parameters():
        p.requires_grad = True
    for _ in range(CRITIC_ITERS):
        real = next(data)
        netD.zero_grad()
        D_real = netD(real).mean()
        D_real.backward(mone)
        with torch.no_grad():
            fake = netG(torch.randn(BATCH, 2))
        D_fake = netD(fake).mean()
        D_fake.backward(one)
        gp = calc_gradient_penalty(netD, real, fake)
        gp.backward()
        optimizerD.step()
    for p in netD.parameters():
        p.requires_grad = False
    netG.zero_grad()
    G = netD(netG(torch.randn(BATCH, 2))).mean()
    G.backward(mone)
    optimizerG.step()
print((D_fake - D_real + gp).item(), -G.item())
