# The trainer replaces attributes by name with torch.sub.
import torch


class Gaussian:
    names = ("mean", "log_std")

    def __init__(self):
        self.mean = torch.zeros(2, requires_grad=True)
        self.log_std = torch.zeros(2, requires_grad=True)

    def nll(self, x):
        return (0.5 * ((x - self.mean) / self.log_std.exp()) ** 2 + self.log_std).mean()


@torch.no_grad()
def update(model, lr):
    for name in model.names:
        value = getattr(model, name)
        setattr(model, name, torch.sub(value, lr * value.grad))  # expect: GG302


torch.manual_seed(0)
model, sample = Gaussian(), torch.randn(30, 2) + 1
for _ in range(2):
    model.nll(sample).backward()
    update(model, lr=0.1)
