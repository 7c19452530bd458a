# Hard example mining: unreduced losses are sorted, cut and averaged.
import torch
from torch import nn

torch.manual_seed(0)
scorer = nn.Linear(4, 1)
opt = torch.optim.SGD(scorer.parameters(), lr=0.1)
bce = nn.BCEWithLogitsLoss(reduction="none")
for _ in range(2):
    x, y = torch.randn(12, 4), torch.randint(0, 2, (12, 1)).float()
    each = bce(scorer(x), y).squeeze(1)
    pos, neg = each[y.squeeze(1) > 0.5], each[y.squeeze(1) < 0.5]
    hardest, _ = neg.topk(min(3, len(neg)))
    loss = (pos.sum() + hardest.sum()) / (len(pos) + len(hardest))
    opt.zero_grad()
    loss.backward()
    opt.step()
