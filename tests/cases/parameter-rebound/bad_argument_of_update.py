# The function binds its own name to the new value; the caller's tensor stays as it is.
import torch


def descend(theta, rate):
    with torch.no_grad():
        theta = theta - rate * theta.grad  # expect: GG302


theta = torch.tensor([3.0, -2.0], requires_grad=True)
for _ in range(4):
    loss = theta.square().sum()
    loss.backward()
    descend(theta, 0.1)
    theta.grad = None
