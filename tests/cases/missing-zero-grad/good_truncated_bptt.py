# Truncated BPTT with a fresh start for every chunk: detach, clear, backward, clip, step.
import torch
import torch.nn as nn


def repackage_hidden(h):
    return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)


torch.manual_seed(0)
bptt, lr = 5, 0.5
emb, lstm, dec = nn.Embedding(9, 6), nn.LSTM(6, 6), nn.Linear(6, 9)
model = nn.ModuleList([emb, lstm, dec])
stream = torch.randint(0, 9, (26, 4))
hidden = (torch.zeros(1, 4, 6), torch.zeros(1, 4, 6))
for i in range(0, stream.size(0) - 1, bptt):
    data, targets = stream[i : i + bptt], stream[i + 1 : i + 1 + bptt]
    hidden = repackage_hidden(hidden)
    model.zero_grad()
    out, hidden = lstm(emb(data[: len(targets)]), hidden)
    loss = nn.functional.cross_entropy(dec(out).view(-1, 9), targets.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    for p in model.parameters():
        p.data.add_(p.grad, alpha=-lr)
print(loss.item())
