# LBFGS closure: optimizer.zero_grad is only named, so every evaluation adds to the gradient.
import torch

torch.manual_seed(0)
x = torch.linspace(0, 4, 25)
y = 1.5 * torch.sin(1.2 * x) + 0.3
theta = torch.tensor([1.0, 1.0, 0.0], requires_grad=True)
optimizer = torch.optim.LBFGS([theta], lr=0.1, max_iter=4)


def closure():
    optimizer.zero_grad  # expect: GG401
    loss = (theta[0] * torch.sin(theta[1] * x) + theta[2] - y).pow(2).mean()
    loss.backward()  # also: GG101
    return loss


for _ in range(4):
    value = optimizer.step(closure)
print(value.item())
