"""`detach_()` on the parameters of a copy takes them out of autograd for good."""
import torch
from torch import nn

torch.manual_seed(0)
student, teacher = nn.Linear(3, 3), nn.Linear(3, 3)
for p in teacher.parameters():
    p.detach_()
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
for _ in range(3):
    x = torch.rand(5, 3)
    loss = (student(x) - teacher(x)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.mul_(0.9).add_(0.1 * s.detach())
