# A frozen model, the gradient is that of the input.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
model = nn.Linear(6, 3)
model.eval()
model.requires_grad_(False)
x, y = torch.rand(4, 6), torch.randint(0, 3, (4,))
x_adv = x.clone()
for _ in range(3):
    x_adv = x_adv.detach().requires_grad_()
    loss = F.cross_entropy(model(x_adv), y)
    loss.backward()
    x_adv = (x_adv + 0.01 * x_adv.grad.sign()).clamp(0, 1)
