# The parameters live in a dict whose entries are replaced by results.
import torch

torch.manual_seed(0)
theta = {k: torch.zeros(1, requires_grad=True) for k in ("amplitude", "phase")}
theta["amplitude"].data.fill_(0.5)
t = torch.linspace(0, 3, 30)
wave = 1.3 * torch.sin(t + 0.4)

for it in range(3):
    model = theta["amplitude"] * torch.sin(t + theta["phase"])
    torch.mean((model - wave) ** 2).backward()
    for key in theta:
        theta[key] = theta[key].detach() - 0.1 * theta[key].grad  # expect: GG302
