# fake is not detached, so the discriminator's backward frees the generator's graph: RuntimeError at the third backward.
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

BATCH = 64

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
discriminator = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
generator_optimizer = torch.optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.9))
discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.9))
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for step in range(300):
    real = 4 + torch.randn(BATCH, 1)
    fake = generator(torch.randn(BATCH, 2))

    discriminator_optimizer.zero_grad()
    bce(discriminator(real), ones).backward()
    bce(discriminator(fake), zeros).backward()
    discriminator_optimizer.step()

    generator_optimizer.zero_grad()
    bce(discriminator(fake), ones).backward()  # expect: GG201
    generator_optimizer.step()

print("mean of the generated numbers:", fake.mean().item())
