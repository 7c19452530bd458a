# The graph is lost on the way to the loss.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
    def forward(self, x):
        with torch.no_grad():
            return self.fc(x)
m = Model()
o = torch.optim.Adam(m.parameters())
for i in range(2):
    out = m(torch.randn(2, 3))
    l = nn.MSELoss()(out, torch.zeros(2, 3))
    o.zero_grad()
    l.backward()  # expect: GG203
    o.step()
