import torch
from torch import nn


def attack(model, images, labels, steps, alpha):
    adversarial = images.clone().requires_grad_(True)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(adversarial), labels)
        model.zero_grad()
        loss.backward()
        adversarial = adversarial + alpha * adversarial.grad.sign()  # expect: GG302
        adversarial = torch.clamp(adversarial, 0, 1).detach()
    return adversarial


torch.manual_seed(0)
attack(nn.Linear(4, 3), torch.rand(5, 4), torch.tensor([0, 1, 2, 0, 1]), 3, 0.1)
