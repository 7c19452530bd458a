# Looks like a lost graph, and is none.
import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)

enc, head = nn.Linear(4, 4), nn.Linear(4, 2)
opt = torch.optim.SGD(head.parameters(), lr=.1)
for _ in range(2):
    feats = enc(torch.randn(3, 4)).detach()
    feats2 = torch.from_numpy(feats.numpy())
    loss = F.cross_entropy(head(feats2), torch.tensor([0, 1, 0]))
    opt.zero_grad()
    loss.backward()
    opt.step()
