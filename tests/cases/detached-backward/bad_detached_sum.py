# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 1)
        self.b = nn.Linear(3, 1)
    def forward(self, x):
        return {"a": self.a(x).mean(), "b": self.b(x).mean()}
m = M()
o = torch.optim.SGD(m.parameters(), lr=.1)
for _ in range(2):
    losses = m(torch.randn(2, 3))
    total = sum(v.detach() for v in losses.values())
    o.zero_grad()
    total.backward()  # expect: GG203
    o.step()
