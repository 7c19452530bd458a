# A functional update without requires_grad: the second backward call has nothing to differentiate.
import torch


def init(sizes):
    out = []
    for a, b in zip(sizes, sizes[1:]):
        out += [torch.randn(a, b) / a ** 0.5, torch.zeros(b)]
    return [t.requires_grad_() for t in out]


def mlp(params, x):
    for i in range(0, len(params), 2):
        x = x @ params[i] + params[i + 1]
        x = torch.tanh(x) if i + 2 < len(params) else x
    return x


torch.manual_seed(0)
params = init([2, 5, 1])
x, y = torch.randn(16, 2), torch.randn(16, 1)
for step in range(3):
    loss = (mlp(params, x) - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        params = [p - 0.05 * p.grad for p in params]  # expect: GG302
