# Test-time adaptation by entropy minimisation; each forward adapts, none resets.
import torch
import torch.nn as nn


def softmax_entropy(x):
    return -(x.softmax(1) * x.log_softmax(1)).sum(1)


@torch.enable_grad()
def forward_and_adapt(x, model, optimizer):
    outputs = model(x)
    loss = softmax_entropy(outputs).mean(0)
    loss.backward()  # expect: GG101
    optimizer.step()
    return outputs


class Adapted(nn.Module):
    def __init__(self, model, optimizer, steps=2):
        super().__init__()
        self.model, self.optimizer, self.steps = model, optimizer, steps

    def forward(self, x):
        for _ in range(self.steps):
            outputs = forward_and_adapt(x, self.model, self.optimizer)
        return outputs


torch.manual_seed(0)
source = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
source.requires_grad_(False)
affine = []
for m in source.modules():
    if isinstance(m, nn.BatchNorm1d):
        m.requires_grad_(True)
        affine += [m.weight, m.bias]
tented = Adapted(source, torch.optim.Adam(affine, lr=1e-2))
with torch.no_grad():
    for _ in range(4):
        pred = tented(torch.randn(10, 6) + 0.5)
print(pred.softmax(1).max(1).values.mean().item())
