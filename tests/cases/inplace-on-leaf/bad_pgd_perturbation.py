import torch
from torch import nn

torch.manual_seed(0)
classifier = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
image, label = torch.rand(4, 5), torch.randint(0, 3, (4,))
delta = torch.zeros_like(image, requires_grad=True)
for _ in range(5):
    loss = nn.functional.cross_entropy(classifier(image + delta), label)
    loss.backward()
    delta += 0.1 * delta.grad.sign()  # expect: GG501
    delta.grad.zero_()
