import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 2)
x, y = torch.rand(6, 3), torch.randint(0, 2, (6,))
loss = nn.functional.cross_entropy(model(x), y)
loss += 0.01 * model.weight.norm()
loss += sum(p.pow(2).sum() for p in model.parameters())
loss /= 2
total = torch.zeros(())
total += loss.detach()
loss.backward()
