# Lookahead around another optimizer: zero_grad is delegated, slow weights are copied back under no_grad.
import torch
import torch.nn as nn


class Lookahead:
    def __init__(self, base, k=3, alpha=0.5):
        self.base, self.k, self.alpha, self.counter = base, k, alpha, 0
        self.slow = [[p.detach().clone() for p in g["params"]] for g in base.param_groups]

    def __getattr__(self, name):
        return getattr(self.base, name)

    @torch.no_grad()
    def step(self):
        with torch.enable_grad():
            self.base.step()
        self.counter += 1
        if self.counter % self.k == 0:
            for group, slow in zip(self.base.param_groups, self.slow):
                for p, s in zip(group["params"], slow):
                    s.add_(p - s, alpha=self.alpha)
                    p.copy_(s)


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 5), nn.ELU(), nn.Linear(5, 1))
optimizer = Lookahead(torch.optim.Adam(model.parameters(), lr=1e-2))
for _ in range(7):
    x = torch.randn(9, 5)
    optimizer.zero_grad()
    loss = nn.functional.l1_loss(model(x), x.max(1, keepdim=True).values)
    loss.backward()
    optimizer.step()
print(loss.item())
