# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.f1 = nn.Linear(3, 4)
        self.f2 = nn.Linear(4, 1)
    def forward(self, x):
        h = torch.relu(self.f1(x))
        h = h.data  # expect: GG203
        return self.f2(h)
m = Two()
o = torch.optim.SGD(m.parameters(), lr=.1)
for _ in range(2):
    loss = m(torch.randn(2, 3)).pow(2).mean()
    o.zero_grad()
    loss.backward()
    o.step()
