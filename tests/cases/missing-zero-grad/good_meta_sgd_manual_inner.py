# First-order meta-learning: gradients of a copy are added to the meta gradient by hand, cleared in each round.
import copy
import torch
import torch.nn as nn

torch.manual_seed(0)
meta = nn.Linear(2, 1)
meta_optim = torch.optim.SGD(meta.parameters(), lr=0.1)


def first_order_task_gradient(model, support, query, lr=0.05):
    learner = copy.deepcopy(model)
    for p in learner.parameters():
        p.grad = None
    xs, ys = support
    nn.functional.mse_loss(learner(xs), ys).backward()
    with torch.no_grad():
        for p in learner.parameters():
            p -= lr * p.grad
            p.grad = None
    loss = nn.functional.mse_loss(learner(query[0]), query[1])
    loss.backward()
    return [p.grad for p in learner.parameters()], loss.item()


def task():
    a, x = torch.randn(2, 1), torch.randn(10, 2)
    y = x @ a
    return (x[:5], y[:5]), (x[5:], y[5:])


for outer in range(4):
    meta_optim.zero_grad()
    total = 0.0
    for _ in range(3):
        grads, value = first_order_task_gradient(meta, *task())
        total += value
        for p, g in zip(meta.parameters(), grads):
            p.grad = g / 3 if p.grad is None else p.grad + g / 3
    meta_optim.step()
    print(outer, total / 3)
