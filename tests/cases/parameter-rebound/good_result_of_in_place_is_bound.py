# What is bound to the variable of the loop is the parameter itself: `sub_` changes it and gives it back.
import torch
from torch import nn


class Descent:
    def __init__(self, module, rate):
        self.module, self.rate = module, rate

    @torch.no_grad()
    def step(self):
        for weight in self.module.parameters():
            direction = weight.grad + 1e-3 * weight
            weight = weight.sub_(self.rate * direction)


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))
descent = Descent(net, 0.1)
x = torch.randn(12, 3)
for _ in range(4):
    net.zero_grad()
    nn.functional.mse_loss(net(x), x.sum(1, keepdim=True)).backward()
    descent.step()
