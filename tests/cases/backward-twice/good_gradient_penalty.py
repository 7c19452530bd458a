# WGAN-GP: the penalty's gradient is taken with create_graph and enters the loss.
import torch
from torch import autograd, nn


def gradient_penalty(critic, real, fake, lam=10.0):
    eps = torch.rand(real.size(0), 1)
    mixed = (eps * real + (1 - eps) * fake).requires_grad_(True)
    scores = critic(mixed)
    grad = autograd.grad(
        outputs=scores,
        inputs=mixed,
        grad_outputs=torch.ones_like(scores),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return lam * ((grad.norm(2, dim=1) - 1) ** 2).mean()


torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
for _ in range(3):
    real, fake = torch.randn(6, 2), torch.rand(6, 2)
    loss = critic(fake).mean() - critic(real).mean() + gradient_penalty(critic, real, fake)
    opt.zero_grad()
    loss.backward()
    opt.step()
