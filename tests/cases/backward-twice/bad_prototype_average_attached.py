# Few-shot prototypes are a running average of embeddings that still carry their graphs.
import torch
import torch.nn as nn
import torch.nn.functional as F

N_WAY, DIM = 3, 4


class ProtoHead:
    def __init__(self, momentum=0.8):
        self.momentum = momentum
        self.centres = torch.zeros(N_WAY, DIM)

    def update(self, emb, labels):
        fresh = torch.stack([emb[labels == k].mean(0) for k in range(N_WAY)])
        self.centres = self.momentum * self.centres + (1 - self.momentum) * fresh

    def logits(self, emb):
        return -torch.cdist(emb, self.centres)


torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, DIM))
opt = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
head = ProtoHead()
for episode in range(3):
    support, labels = torch.randn(9, 6), torch.arange(N_WAY).repeat(3)
    emb = encoder(support)
    head.update(emb, labels)
    loss = F.cross_entropy(head.logits(emb), labels)
    opt.zero_grad()
    loss.backward()  # expect: GG201
    opt.step()
