# Adversarial start: noise is added to the image after requires_grad_.
import torch
from torch import nn
from torch.nn import functional as F


def attack(model, x, y, eps=0.1, alpha=0.05, steps=2):
    x_adv = x.clone().detach().requires_grad_(True)
    x_adv = x_adv + eps * torch.empty_like(x).uniform_(-1, 1)
    for _ in range(steps):
        loss = F.cross_entropy(model(x_adv), y)
        model.zero_grad()
        loss.backward()
        direction = x_adv.grad.sign()  # expect: GG301
        x_adv = (x_adv + alpha * direction).clamp(0, 1).detach().requires_grad_(True)
    return x_adv


torch.manual_seed(0)
attack(nn.Linear(6, 3), torch.rand(4, 6), torch.tensor([0, 1, 2, 1]))
