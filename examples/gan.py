"""A small GAN: three backward passes in each step, and none of them goes through a graph that is gone.

The generator learns to draw numbers like those of a normal distribution with mean 4. The discriminator learns from
`fake.detach()`: its loss must neither reach the generator nor free the graph that the generator's loss needs.
"""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

BATCH = 64


def networks():
    generator = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    discriminator = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return generator, discriminator


def train(generator, discriminator, steps=300):
    """Train both for `steps` steps. Returns the mean of the generator's numbers after each step, without a unit."""
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.9))
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.9))
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    means = []
    for _ in range(steps):
        real = 4 + torch.randn(BATCH, 1)
        fake = generator(torch.randn(BATCH, 2))

        discriminator_optimizer.zero_grad()
        bce(discriminator(real), ones).backward()
        bce(discriminator(fake.detach()), zeros).backward()
        discriminator_optimizer.step()

        generator_optimizer.zero_grad()
        bce(discriminator(fake), ones).backward()
        generator_optimizer.step()
        means.append(fake.detach().mean().item())
    return means


def main():
    torch.manual_seed(0)
    generator, discriminator = networks()
    means = train(generator, discriminator)
    print(f"mean of the generated numbers: {means[0]:.2f} at first, {means[-1]:.2f} at last, 4 is right")
    return means


if __name__ == "__main__":
    main()
