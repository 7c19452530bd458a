# Per-sample gradients: every element of the unreduced loss has its own backward call.
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 2)
x, y = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
losses = nn.functional.cross_entropy(net(x), y, reduction="none")
norms = []
for k, loss in enumerate(losses):
    net.zero_grad()
    loss.backward(retain_graph=k + 1 < len(losses))
    norms.append(net.weight.grad.norm().item())
print(norms)
