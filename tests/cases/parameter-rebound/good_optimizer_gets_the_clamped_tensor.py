# The multiplier is bound to a clamped copy, and the optimizer is given that copy.
import torch


class Dual:
    def __init__(self):
        self.price = torch.full((2,), 0.5, requires_grad=True)
        self.tuner = torch.optim.SGD([self.price], lr=0.2)

    def update(self, excess):
        self.tuner.zero_grad()
        (-self.price * excess).sum().backward()
        self.tuner.step()
        self.price = self.price.detach().clamp(min=0.0).requires_grad_()
        self.tuner.param_groups[0]["params"] = [self.price]


dual = Dual()
for turn in range(5):
    dual.update(torch.tensor([0.3, -0.4]) * turn)
