"""The weights of the teacher follow the student; the teacher's parameters require grad, too."""
import copy

import torch
from torch import nn

torch.manual_seed(0)
student = nn.Linear(3, 3)
teacher = nn.Linear(3, 3)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
for _ in range(3):
    x = torch.rand(5, 3)
    loss = (student(x) - teacher(x).detach()).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.mul_(0.99).add_(s.detach(), alpha=0.01)  # expect: GG501
print(copy.deepcopy(teacher.state_dict()))
