# FGSM is called from an evaluation that is decorated with no_grad.
import torch
import torch.nn.functional as F
from torch import nn


def fgsm(model, image, label, epsilon):
    image = image.clone()
    image.requires_grad = True
    loss = F.cross_entropy(model(image), label)
    model.zero_grad()
    loss.backward()  # expect: GG203
    return image + epsilon * image.grad.sign()


@torch.no_grad()
def evaluate(model, batches):
    correct = 0
    for image, label in batches:
        adversarial = fgsm(model, image, label, 0.1)
        correct += (model(adversarial).argmax(1) == label).sum().item()
    return correct


torch.manual_seed(0)
evaluate(nn.Linear(6, 3), [(torch.rand(4, 6), torch.randint(0, 3, (4,)))])
