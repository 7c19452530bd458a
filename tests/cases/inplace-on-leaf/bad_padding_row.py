"""The row of the padding token is set to zero, through a view of the weight."""
import torch
from torch import nn

torch.manual_seed(0)
embedding = nn.Embedding(10, 4)
embedding.weight[0].fill_(0)  # expect: GG501
head = nn.Linear(4, 2)
optimizer = torch.optim.SGD([*embedding.parameters(), *head.parameters()], lr=0.1)
loss = head(embedding(torch.randint(0, 10, (5,)))).logsumexp(1).sum()
loss.backward()
optimizer.step()
