# Features of a frozen trunk are computed once and reused by every epoch of the head.
import torch
from torch import nn

torch.manual_seed(0)
trunk = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
for p in trunk.parameters():
    p.requires_grad = False
trunk.eval()
head = nn.Linear(4, 2)
images, labels = torch.randn(20, 8), torch.randint(0, 2, (20,))

features = trunk(images)
optimizer = torch.optim.LBFGS(head.parameters(), max_iter=3)


def closure():
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(head(features), labels)
    loss.backward()
    return loss


for epoch in range(3):
    optimizer.step(closure)
print(closure().item())
