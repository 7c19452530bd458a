# Clearing is a forward pre-hook that is only active in training mode.
import torch
import torch.nn as nn


def clear_before_forward(module, inputs):
    if module.training:
        for p in module.parameters():
            p.grad = None


torch.manual_seed(0)
tagger = nn.Sequential(nn.Embedding(15, 6), nn.Linear(6, 4))
handle = tagger.register_forward_pre_hook(clear_before_forward)
optimizer = torch.optim.Adam(tagger.parameters(), lr=2e-2)
for epoch in range(2):
    tagger.train()
    for _ in range(3):
        words = torch.randint(0, 15, (4, 6))
        loss = nn.functional.cross_entropy(tagger(words).flatten(0, 1), (words % 4).flatten())
        loss.backward()
        optimizer.step()
    tagger.eval()
    with torch.no_grad():
        print((tagger(words).argmax(-1) == words % 4).float().mean().item())
handle.remove()
