# The function makes a new leaf under its own name and hands it back; the new one is what the next loss uses.
import torch


def descend(theta, rate):
    with torch.no_grad():
        theta = theta - rate * theta.grad
    return theta.requires_grad_()


theta = torch.tensor([3.0, -2.0], requires_grad=True)
for _ in range(4):
    loss = theta.square().sum()
    loss.backward()
    theta = descend(theta, 0.1)
