"""An optimizer whose step takes the gradients away with `p.grad = None`."""

import torch
import torch.nn as nn


class SignMomentum(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, beta=0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
                p.add_(m.sign(), alpha=-group["lr"])
                p.grad = None


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1))
optimizer = SignMomentum(net.parameters(), lr=5e-3)
for step in range(6):
    x = torch.randn(8, 4)
    loss = (net(x) - x.mean(1, keepdim=True)).abs().mean()
    loss.backward()
    optimizer.step()
print(loss.item())
