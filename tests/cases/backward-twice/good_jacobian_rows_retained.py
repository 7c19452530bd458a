# One backward call per output; the graph is kept until the last row.
import torch


def jacobian(f, x):
    x = x.detach().clone().requires_grad_(True)
    y = f(x)
    rows = []
    for i in range(len(y)):
        if x.grad is not None:
            x.grad.zero_()
        last = i == len(y) - 1
        y[i].backward(retain_graph=not last)
        rows.append(x.grad.clone())
    return torch.stack(rows)


J = jacobian(lambda p: torch.stack([p[0] * p[1], p[0].exp(), p.prod()]), torch.tensor([1.0, 2.0]))
assert J.shape == (3, 2)
print(J)
