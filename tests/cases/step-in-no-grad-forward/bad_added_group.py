"""A group is added for the embedding, whose output is detached before the loss."""

import torch
from torch import nn

torch.manual_seed(0)
embedding, model = nn.Embedding(10, 4), nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
optimizer.add_param_group({"params": embedding.parameters()})
for _ in range(4):
    words, labels = torch.randint(0, 10, (8,)), torch.randint(0, 2, (8,))
    vectors = embedding(words).detach()  # expect: GG403
    loss = nn.functional.cross_entropy(model(vectors), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
