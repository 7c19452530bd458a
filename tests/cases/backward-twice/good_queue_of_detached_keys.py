# Momentum contrast: the queue holds keys that were made under no_grad.
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
query_enc = nn.Linear(6, 4)
key_enc = copy.deepcopy(query_enc)
opt = torch.optim.SGD(query_enc.parameters(), lr=0.03)
queue = F.normalize(torch.randn(16, 4), dim=1)

for it in range(4):
    a = torch.randn(4, 6)
    q = F.normalize(query_enc(a), dim=1)
    with torch.no_grad():
        for k, p in zip(key_enc.parameters(), query_enc.parameters()):
            k.mul_(0.99).add_(p, alpha=0.01)
        keys = F.normalize(key_enc(a + 0.1 * torch.randn_like(a)), dim=1)
    positive = (q * keys).sum(dim=1, keepdim=True)
    negative = q @ queue.t()
    logits = torch.cat([positive, negative], dim=1) / 0.07
    loss = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))
    opt.zero_grad()
    loss.backward()
    opt.step()
    queue = torch.cat([keys, queue])[:16]
