"""A teacher follows the student by a moving average and gets no gradient."""

import torch
from torch import nn

import copy

torch.manual_seed(0)
student = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
teacher = copy.deepcopy(student)
optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
for _ in range(4):
    x = torch.randn(5, 4)
    with torch.no_grad():
        goal = teacher(x).softmax(1)
    optimizer.zero_grad()
    nn.functional.cross_entropy(student(x), goal).backward()
    optimizer.step()
    with torch.no_grad():
        for mine, his in zip(teacher.parameters(), student.parameters()):
            mine.mul_(0.9).add_(his, alpha=0.1)
