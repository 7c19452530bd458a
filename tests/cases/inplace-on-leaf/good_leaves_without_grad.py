import torch
from torch import nn

torch.manual_seed(0)
backbone, head = nn.Linear(4, 4), nn.Linear(4, 2)
for p in backbone.parameters():
    p.requires_grad = False
for p in backbone.parameters():
    p.mul_(0.5)
head.requires_grad_(False)
head.weight.fill_(0.1)
head.requires_grad_(True)
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
images = torch.rand(8, 4)
images -= images.mean(0)
images[:, 0] = 1
loss = head(backbone(images)).pow(2).mean()
loss.backward()
optimizer.step()
