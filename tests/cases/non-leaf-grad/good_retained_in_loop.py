# Every hidden state retains its gradient while the list is built.
import torch
from torch import nn

torch.manual_seed(0)
cell = nn.GRUCell(2, 4)
h, hidden = torch.zeros(1, 4), []
for x in torch.randn(5, 1, 2):
    h = cell(x, h)
    h.retain_grad()
    hidden.append(h)
h.sum().backward()
print([round(s.grad.norm().item(), 4) for s in hidden])
