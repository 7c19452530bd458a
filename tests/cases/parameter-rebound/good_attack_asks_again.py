import torch
from torch import nn


def attack(model, images, labels, steps, alpha):
    adversarial = images.clone()
    for _ in range(steps):
        adversarial.requires_grad_()
        loss = nn.functional.cross_entropy(model(adversarial), labels)
        model.zero_grad()
        loss.backward()
        adversarial = adversarial + alpha * adversarial.grad.sign()
        adversarial = torch.clamp(adversarial, 0, 1).detach()
    return adversarial


def single_step(model, x, y):
    x = x.clone().requires_grad_()
    nn.functional.cross_entropy(model(x), y).backward()
    x = x + 0.1 * x.grad.sign()
    x = x.detach()
    return x.clamp(0, 1)


torch.manual_seed(0)
net = nn.Linear(4, 3)
x, y = torch.rand(5, 4), torch.tensor([0, 1, 2, 0, 1])
attack(net, x, y, 3, 0.1)
for _ in range(3):
    x = single_step(net, x, y)
