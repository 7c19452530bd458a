import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 4)
x, labels = torch.rand(6, 3), torch.randint(0, 4, (6,))
loss = nn.functional.cross_entropy(model(x), labels)
labels[labels == 3] = 0  # expect: GG502
accuracy = (model(x).argmax(1) == labels).float().mean()
loss.backward()
print(accuracy)
