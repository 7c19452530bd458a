# Matrix parameters and the rest have different optimizers in a list; the code clears optimizers[0].
import torch
import torch.nn as nn


class Orthogonal(torch.optim.Optimizer):
    def __init__(self, params, lr=0.02):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                u, _, v = torch.linalg.svd(p.grad, full_matrices=False)
                p.add_(u @ v, alpha=-group["lr"])


def build(model):
    matrices = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim < 2]
    return [Orthogonal(matrices), torch.optim.AdamW(rest, lr=3e-3)]


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
optimizers = build(model)
for it in range(6):
    x = torch.randn(10, 6)
    loss = nn.functional.cross_entropy(model(x), x[:, :4].argmax(1))
    loss.backward()  # expect: GG101
    for optimizer in optimizers:
        optimizer.step()
    optimizers[0].zero_grad(set_to_none=True)
print(loss.item())
