# An optimizer subclass redefines zero_grad and visits only its first parameter group.
import torch
import torch.nn as nn


class SignSGD(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-2):
        super().__init__(params, {"lr": lr})

    def zero_grad(self):
        for p in self.param_groups[0]["params"]:
            p.grad = None

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(p.grad.sign(), alpha=-group["lr"])


torch.manual_seed(0)
body, head = nn.Linear(5, 5), nn.Linear(5, 1)
optimizer = SignSGD([{"params": body.parameters()}, {"params": head.parameters(), "lr": 0.05}])
for _ in range(6):
    x = torch.randn(8, 5)
    optimizer.zero_grad()
    loss = (head(torch.relu(body(x))) - x[:, :1]).pow(2).mean()
    loss.backward()  # expect: GG101
    optimizer.step()
print(loss.item())
