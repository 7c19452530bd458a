# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

G, D = nn.Linear(2, 3), nn.Linear(3, 1)
og, od = torch.optim.RMSprop(G.parameters()), torch.optim.RMSprop(D.parameters())
for i in range(3):
    z = torch.randn(4, 2)
    with torch.no_grad():
        fake = G(z)
    ld = D(fake).mean() - D(torch.randn(4, 3)).mean()
    od.zero_grad()
    ld.backward()
    od.step()
    for p in D.parameters():
        p.data.clamp_(-.1, .1)
    lg = -D(G(z)).mean()
    og.zero_grad()
    lg.backward()
    og.step()
