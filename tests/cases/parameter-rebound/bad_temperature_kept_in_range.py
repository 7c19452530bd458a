# The temperature is kept in range by a new tensor, which the optimizer does not know.
import torch
from torch import nn


class Contrast:
    def __init__(self):
        self.encoder = nn.Linear(4, 3)
        self.scale = torch.tensor(2.0, requires_grad=True)
        self.optimizer = torch.optim.SGD(self.encoder.parameters(), lr=0.1)
        self.scale_optimizer = torch.optim.SGD([self.scale], lr=0.1)

    def step(self, x):
        a = nn.functional.normalize(self.encoder(x), dim=1)
        logits = self.scale * a @ a.t()
        loss = nn.functional.cross_entropy(logits, torch.arange(len(x)))
        self.optimizer.zero_grad()
        self.scale_optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scale_optimizer.step()
        self.scale = self.scale.detach().clamp(max=4.0)  # expect: GG302
        self.scale.requires_grad = True
        return loss.item()


torch.manual_seed(0)
contrast = Contrast()
for _ in range(4):
    contrast.step(torch.randn(5, 4))
