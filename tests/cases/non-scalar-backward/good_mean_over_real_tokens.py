# The mask of padding is a comparison; all that is kept is summed up and divided by how much that is.
import torch
from torch import nn

torch.manual_seed(0)
embed, head = nn.Embedding(11, 6), nn.Linear(6, 11)
optimizer = torch.optim.Adam([*embed.parameters(), *head.parameters()], lr=1e-3)
criterion = nn.CrossEntropyLoss(reduction="none")
tokens = torch.randint(0, 11, (4, 9))
for _ in range(2):
    keep = tokens != 0
    logits = head(embed(tokens))
    each = criterion(logits.permute(0, 2, 1), tokens)
    loss = (each * keep).sum() / keep.sum().clamp(min=1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    picked = each.detach()[keep]
