import math

import torch
from torch import nn

torch.manual_seed(0)
query, key = nn.Linear(4, 4), nn.Linear(4, 4)
x = torch.randn(2, 5, 4)
scores = query(x) @ key(x).transpose(1, 2)
scores /= math.sqrt(4)
scores += torch.zeros(5, 5)
scores.masked_fill_(torch.ones(5, 5).triu(1).bool(), float("-inf"))
scores[:, :, 0] = 0
attention = torch.softmax(scores, -1)
loss = (attention @ x).pow(2).mean()
loss.backward()
