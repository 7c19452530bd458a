# MAML: inner gradients with autograd.grad, the outer optimizer is cleared once for each meta batch.
import torch
import torch.nn.functional as F
from torch.func import functional_call


class MetaLearner:
    def __init__(self, net, inner_lr=0.1, inner_steps=2):
        self.net, self.inner_lr, self.inner_steps = net, inner_lr, inner_steps
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

    def inner_loop(self, x, y):
        fast = dict(self.net.named_parameters())
        for _ in range(self.inner_steps):
            loss = F.mse_loss(functional_call(self.net, fast, (x,)), y)
            grads = torch.autograd.grad(loss, tuple(fast.values()), create_graph=True)
            fast = {n: p - self.inner_lr * g for (n, p), g in zip(fast.items(), grads)}
        return fast

    def outer_step(self, tasks):
        self.optimizer.zero_grad()
        losses = []
        for xs, ys, xq, yq in tasks:
            loss = F.mse_loss(functional_call(self.net, self.inner_loop(xs, ys), (xq,)), yq) / len(tasks)
            loss.backward()
            losses.append(loss.item())
        self.optimizer.step()
        return sum(losses)


def sample_task():
    amp, x = torch.rand(1) * 2 + 0.5, torch.rand(12, 1) * 2 - 1
    return x[:6], amp * x[:6] ** 2, x[6:], amp * x[6:] ** 2


torch.manual_seed(0)
meta = MetaLearner(torch.nn.Sequential(torch.nn.Linear(1, 10), torch.nn.Tanh(), torch.nn.Linear(10, 1)))
for it in range(4):
    print(meta.outer_step([sample_task() for _ in range(3)]))
