# An evaluation that records graphs and lets go of each: slow, and no leak.
import torch
from torch import nn


def evaluate(model, loader):
    model.eval()
    total, hits, scores = 0.0, 0, []
    for x, y in loader:
        logits = model(x)
        total += nn.functional.cross_entropy(logits, y).item()
        hits += (logits.argmax(1) == y).sum()
        scores.append(logits.detach().softmax(1))
    return total / len(loader), hits, torch.cat(scores)


torch.manual_seed(0)
model = nn.Linear(4, 3)
loader = [(torch.randn(6, 4), torch.randint(0, 3, (6,))) for _ in range(8)]
print(evaluate(model, loader)[:2])
