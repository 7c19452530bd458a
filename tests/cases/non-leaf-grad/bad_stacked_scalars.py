# Pose parameters: three scalars are stacked and the gradient is read from the stack.
import torch

tx = torch.tensor(0.1, requires_grad=True)
ty = torch.tensor(-0.2, requires_grad=True)
angle = torch.tensor(0.3, requires_grad=True)
pose = torch.stack([tx, ty, angle])

points = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def transform(pose, pts):
    c, s = torch.cos(pose[2]), torch.sin(pose[2])
    rot = torch.stack([torch.stack([c, -s]), torch.stack([s, c])])
    return pts @ rot.T + pose[:2]


cost = (transform(pose, points) - points.flip(0)).square().sum()
cost.backward()
update = pose.grad  # expect: GG301
print(tx.grad, ty.grad, angle.grad, update)
