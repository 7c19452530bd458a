# Two losses whose graphs have nothing but the input in common.
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
student_a, student_b = nn.Linear(4, 3), nn.Linear(4, 3)
opts = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (student_a, student_b)]
TEMPERATURE = 2.0

for _ in range(3):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    za, zb = student_a(x) / TEMPERATURE, student_b(x) / TEMPERATURE
    pa, pb = za.softmax(-1), zb.softmax(-1)
    loss_a = F.cross_entropy(za, y) + F.kl_div(za.log_softmax(-1), pb.detach(), reduction="batchmean")
    loss_b = F.cross_entropy(zb, y) + F.kl_div(zb.log_softmax(-1), pa.detach(), reduction="batchmean")
    for opt in opts:
        opt.zero_grad()
    loss_a.backward()
    loss_b.backward()
    for opt in opts:
        opt.step()
