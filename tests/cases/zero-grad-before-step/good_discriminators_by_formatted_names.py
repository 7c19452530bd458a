"""One optimizer for each discriminator, kept under a formatted name and found by it."""

import torch
from torch import nn


class Trainer:
    def __init__(self, generator, discriminators):
        self.generator = generator
        self.discriminators = nn.ModuleList(discriminators)
        self.optim = torch.optim.Adam(generator.parameters())
        for name, discriminator in self.named():
            setattr(self, name, torch.optim.Adam(discriminator.parameters()))

    def named(self):
        for index, discriminator in enumerate(self.discriminators):
            yield f"optim_{index}", discriminator

    def optims(self):
        for name, _ in self.named():
            yield getattr(self, name)

    def losses(self, x):
        fake = self.generator(x).detach()
        losses = []
        for discriminator in self.discriminators:
            real_logits, fake_logits = map(discriminator, (x, fake))
            losses.append(fake_logits.mean() - real_logits.mean())
        return [(f"scale {index}", loss) for index, loss in enumerate(losses)]

    def train_step(self, x):
        sum(d(self.generator(x)).mean() for d in self.discriminators).backward()
        self.optim.step()
        self.optim.zero_grad()
        for optim in self.optims():
            optim.zero_grad()
        for _, loss in self.losses(x):
            loss.backward()
        for optim in self.optims():
            optim.step()


trainer = Trainer(nn.Linear(4, 4), [nn.Linear(4, 1) for _ in range(3)])
for _ in range(5):
    trainer.train_step(torch.randn(2, 4))
