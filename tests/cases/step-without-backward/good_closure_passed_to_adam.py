# Adam gets a closure; the first and only backward is inside it, after step has been called.
import torch

torch.manual_seed(0)
angles = torch.zeros(2, requires_grad=True)
adam = torch.optim.Adam([angles], lr=0.1)
tip = torch.tensor([0.6, 1.1])


def forward_kinematics(q):
    return torch.stack([torch.cos(q[0]) + torch.cos(q.sum()), torch.sin(q[0]) + torch.sin(q.sum())])


def distance():
    adam.zero_grad()
    d = (forward_kinematics(angles) - tip).norm()
    d.backward()
    return d


for _ in range(15):
    d = adam.step(distance)
print(d.item(), angles.tolist())
