# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(3, 4)
    @torch.no_grad()  # expect: GG203
    def forward(self, x):
        return self.l(x)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = Enc()
        self.head = nn.Linear(4, 1)
    def forward(self, x):
        return self.head(self.enc(x))
m = Net()
o = torch.optim.SGD(m.parameters(), lr=.1)
for _ in range(2):
    loss = m(torch.randn(2, 3)).pow(2).mean()
    o.zero_grad()
    loss.backward()
    o.step()
