# Simultaneous gradient play: both backward passes first, then both steps; the leftovers are cleared at the top.
import torch

torch.manual_seed(0)
theta = torch.nn.Parameter(torch.randn(2))
psi = torch.nn.Parameter(torch.randn(2))
opts = torch.optim.SGD([theta], lr=0.1), torch.optim.SGD([psi], lr=0.1, maximize=True)


def value(theta, psi):
    return theta @ torch.tensor([[0.0, 1.0], [-1.0, 0.2]]) @ psi + 0.1 * theta.pow(2).sum() - 0.1 * psi.pow(2).sum()


for it in range(8):
    for o in opts:
        o.zero_grad()
    value(theta, psi.detach()).backward()
    value(theta.detach(), psi).backward()
    for o in opts:
        o.step()
print(theta.tolist(), psi.tolist())
