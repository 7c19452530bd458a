# The mask of padding is a comparison; the mean over the tokens is taken, the one over the batch forgotten.
import torch
from torch import nn

torch.manual_seed(0)
embed, head = nn.Embedding(11, 6), nn.Linear(6, 11)
optimizer = torch.optim.Adam([*embed.parameters(), *head.parameters()], lr=1e-3)
criterion = nn.CrossEntropyLoss(reduction="none")
tokens = torch.randint(0, 11, (4, 9))
lengths = torch.tensor([9, 5, 7, 3])
keep = (torch.arange(9).unsqueeze(0) < lengths.unsqueeze(1)).float()
for _ in range(2):
    logits = head(embed(tokens))
    each = criterion(logits.permute(0, 2, 1), tokens) * keep
    loss = each.sum(dim=1) / keep.sum(dim=1).clamp(min=1.0)
    optimizer.zero_grad()
    loss.backward()  # expect: GG202
    optimizer.step()
