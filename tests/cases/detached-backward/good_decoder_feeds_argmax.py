# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

class Dec(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(5, 4)
        self.r = nn.GRUCell(4, 6)
        self.o = nn.Linear(6, 5)
    def forward(self, steps):
        tok = torch.zeros(2, dtype=torch.long)
        h = torch.zeros(2, 6)
        outs = []
        for _ in range(steps):
            h = self.r(self.e(tok), h)
            logits = self.o(h)
            outs.append(logits)
            tok = logits.argmax(1).detach()
        return torch.stack(outs, 1)
m = Dec()
o = torch.optim.Adam(m.parameters())
for _ in range(2):
    loss = F.cross_entropy(m(3).flatten(0, 1), torch.randint(0, 5, (6,)))
    o.zero_grad()
    loss.backward()
    o.step()
