# Updates with an exploding gradient norm are thrown away on purpose.
import torch
import torch.nn as nn


class SafeUpdate:
    def __init__(self, optimizer, limit):
        self.optimizer, self.limit, self.rejected = optimizer, limit, 0

    def __call__(self, loss):
        loss.backward()
        params = [p for g in self.optimizer.param_groups for p in g["params"]]
        norm = torch.norm(torch.stack([p.grad.norm() for p in params]))
        if norm > self.limit:
            self.optimizer.zero_grad()
            self.rejected += 1
            return
        self.optimizer.step()
        self.optimizer.zero_grad()


torch.manual_seed(0)
flow = nn.Linear(3, 3)
update = SafeUpdate(torch.optim.Adam(flow.parameters(), lr=1e-2), limit=4.0)
for k in range(8):
    x = torch.randn(6, 3) * (10 if k % 4 == 3 else 1)
    z = flow(x)
    update(0.5 * z.pow(2).sum(1).mean() - torch.linalg.slogdet(flow.weight)[1])
print(update.rejected)
