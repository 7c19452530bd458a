import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
model = nn.Linear(4, 4)
x = torch.rand(3, 4)
padding = torch.tensor([False, True, False])
hidden = torch.tanh(model(x))
hidden = hidden.masked_fill(padding[:, None], 0)
hidden = hidden + x
p = torch.sigmoid(hidden).clamp(1e-6, 1 - 1e-6)
q = torch.exp(hidden)
q = q / q.sum(-1, keepdim=True)
out = F.relu(hidden)
out = out + F.dropout(p * q, 0.5)
out.sum().backward()
