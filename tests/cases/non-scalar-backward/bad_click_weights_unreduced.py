# Click-through model: importance weights multiply an unreduced loss that is never averaged.
import torch
import torch.nn.functional as F
from torch import nn


class CTR(nn.Module):
    def __init__(self, n_fields, dim=4):
        super().__init__()
        self.emb = nn.Embedding(20, dim)
        self.fc = nn.Linear(n_fields * dim, 1)

    def forward(self, ids):
        return self.fc(self.emb(ids).flatten(1)).squeeze(1)


def fit(model, ids, click, weight, steps):
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(ids), click, reduction="none")
        loss = loss * weight
        loss.backward()  # expect: GG202
        optimizer.step()


torch.manual_seed(0)
fit(CTR(3), torch.randint(0, 20, (6, 3)), torch.randint(0, 2, (6,)).float(), torch.rand(6), steps=2)
