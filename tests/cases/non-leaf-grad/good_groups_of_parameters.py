# An optimizer written by hand that takes parameters, or lists of them.
import torch
import torch.nn as nn


class Plain:
    def __init__(self, params, lr):
        self.param_groups = list(params)
        if not isinstance(self.param_groups[0], list):
            self.param_groups = [self.param_groups]
        self.lr = lr

    def grad_params(self):
        return [p for group in self.param_groups for p in group if p.grad is not None]

    def zero_grad(self):
        for p in self.grad_params():
            p.grad.detach_()
            p.grad.zero_()

    @torch.no_grad()
    def step(self):
        for p in self.grad_params():
            p.add_(p.grad, alpha=-self.lr)


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
optimizer = Plain(model.parameters(), lr=0.1)
for _ in range(3):
    loss = model(torch.randn(5, 3)).pow(2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
print(loss.item())
