# A GAN class: self.discriminator.zero_grad is only named at the top of the update.
import torch
import torch.nn as nn


class Adversarial:
    def __init__(self, lr=2e-3):
        self.generator, self.discriminator = nn.Linear(2, 4), nn.Linear(4, 1)
        self.g_optim = torch.optim.Adam(self.generator.parameters(), lr=lr)
        self.d_optim = torch.optim.Adam(self.discriminator.parameters(), lr=lr)

    def update(self, real):
        self.discriminator.zero_grad  # expect: GG401
        fake = self.generator(torch.randn(len(real), 2))
        d_loss = (self.discriminator(real) - 1).pow(2).mean() + self.discriminator(fake.detach()).pow(2).mean()
        d_loss.backward()  # also: GG101
        self.d_optim.step()
        self.generator.zero_grad()
        g_loss = (self.discriminator(fake) - 1).pow(2).mean()
        g_loss.backward()
        self.g_optim.step()
        return d_loss.item(), g_loss.item()


torch.manual_seed(0)
pair = Adversarial()
for _ in range(4):
    print(pair.update(torch.randn(6, 4)))
