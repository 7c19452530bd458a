# torch.autograd.grad frees the graph; the training backward comes after it.
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.GELU(), nn.Linear(12, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

images = torch.rand(4, 1, 4, 4, requires_grad=True)
labels = torch.tensor([0, 2, 1, 1])
loss = nn.functional.cross_entropy(model(images), labels)

(saliency,) = torch.autograd.grad(loss, images)
print("most sensitive pixel:", saliency.abs().flatten(1).argmax(1).tolist())

optimizer.zero_grad()
loss.backward()  # expect: GG201
optimizer.step()
