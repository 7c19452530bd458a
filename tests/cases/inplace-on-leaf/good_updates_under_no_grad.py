import torch
from torch import nn


@torch.no_grad()
def average(teacher, student, decay):
    for t, s in zip(teacher.parameters(), student.parameters()):
        t.mul_(decay).add_(s, alpha=1 - decay)


def descend(parameters, lr):
    for p in parameters:
        p -= lr * p.grad


torch.manual_seed(0)
student, teacher = nn.Linear(3, 3), nn.Linear(3, 3)
for _ in range(3):
    x = torch.rand(5, 3)
    loss = (student(x) - teacher(x).detach()).pow(2).mean()
    student.zero_grad()
    loss.backward()
    with torch.no_grad():
        descend(student.parameters(), 0.1)
    average(teacher, student, 0.9)
    with torch.set_grad_enabled(False):
        student.weight[0].clamp_(-1, 1)
