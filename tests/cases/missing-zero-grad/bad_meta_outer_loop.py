# Meta-learning: task losses are summed into the meta parameters, which are never cleared between meta batches.
import torch
from torch.func import functional_call

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(1, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1))
meta_opt = torch.optim.Adam(net.parameters(), lr=1e-2)


def task():
    phase = torch.rand(1) * 3.14
    x = torch.rand(10, 1) * 4 - 2
    return (x[:5], torch.sin(x[:5] + phase)), (x[5:], torch.sin(x[5:] + phase))


def adapt(params, x, y, inner_lr=0.05):
    loss = torch.nn.functional.mse_loss(functional_call(net, params, (x,)), y)
    grads = torch.autograd.grad(loss, list(params.values()), create_graph=True)
    return {k: p - inner_lr * g for (k, p), g in zip(params.items(), grads)}


for meta_iter in range(4):
    total = 0.0
    for _ in range(3):
        support, query = task()
        fast = adapt(dict(net.named_parameters()), *support)
        loss = torch.nn.functional.mse_loss(functional_call(net, fast, (query[0],)), query[1])
        loss.backward()  # expect: GG101
        total += loss.item()
    meta_opt.step()
    print(meta_iter, total / 3)
