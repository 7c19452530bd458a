# Bound methods are handed over as arguments: ExitStack.callback, map, a hook and a lambda.
import contextlib
import torch
import torch.nn as nn


def run(model, optimizer, before):
    before()
    with contextlib.ExitStack() as stack:
        stack.callback(optimizer.step)
        x = torch.randn(6, 3)
        loss = model(x).square().mean()
        stack.callback(loss.backward)
    return loss.item()


torch.manual_seed(0)
models = [nn.Linear(3, 1) for _ in range(2)]
optims = [torch.optim.SGD(m.parameters(), lr=0.1) for m in models]
finish = lambda: list(map(lambda o: o.zero_grad(), optims))
for _ in range(3):
    for m, o in zip(models, optims):
        print(run(m, o, before=o.zero_grad))
finish()
