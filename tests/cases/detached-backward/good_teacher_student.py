# Distillation: the teacher under no_grad, a constant weight, a mean teacher.
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
teacher, student = nn.Linear(4, 3), nn.Linear(4, 3)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
weight = torch.tensor(0.5)
for _ in range(2):
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    with torch.no_grad():
        soft = F.softmax(teacher(x), dim=1)
        pseudo = soft.argmax(dim=1)
    out = student(x)
    loss = F.cross_entropy(out, y) + weight * F.kl_div(F.log_softmax(out, 1), soft, reduction="batchmean")
    loss = loss + 0.1 * F.cross_entropy(out, pseudo)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for t, s in zip(teacher.parameters(), student.parameters()):
            t.mul_(0.9).add_(s, alpha=0.1)
