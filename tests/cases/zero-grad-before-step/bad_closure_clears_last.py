# LBFGS closure that clears after its backward: the optimizer is handed zero gradients.
import torch

torch.manual_seed(0)
positions = torch.randn(5, 2, requires_grad=True)
optimizer = torch.optim.LBFGS([positions], lr=0.5, max_iter=5)


def closure():
    d = torch.pdist(positions)
    energy = ((1 / d) ** 4 - (1 / d) ** 2).sum()
    energy.backward()
    optimizer.zero_grad()  # expect: GG102
    return energy


for _ in range(3):
    energy = optimizer.step(closure)
print(energy.item())
