# Template method: zero, backward and step are separate hooks of a base class; a mixin changes only one of them.
import abc
import torch
import torch.nn as nn


class BaseSolver(abc.ABC):
    def __init__(self, model):
        self.model = model
        self.optim = self.build_optimizer()

    def build_optimizer(self):
        return torch.optim.SGD(self.model.parameters(), lr=0.1)

    @abc.abstractmethod
    def loss(self, batch): ...

    def on_zero(self):
        self.optim.zero_grad()

    def on_backward(self, loss):
        loss.backward()

    def on_step(self):
        self.optim.step()

    def solve(self, batches):
        for batch in batches:
            loss = self.loss(batch)
            self.on_zero()
            self.on_backward(loss)
            self.on_step()
        return loss.item()


class ClipMixin:
    max_norm = 1.0

    def on_step(self):
        nn.utils.clip_grad_norm_(self.model.parameters(), self.max_norm)
        super().on_step()


class PoissonSolver(ClipMixin, BaseSolver):
    def loss(self, batch):
        x, counts = batch
        return nn.functional.poisson_nll_loss(self.model(x), counts)


torch.manual_seed(0)
solver = PoissonSolver(nn.Linear(3, 1))
print(solver.solve([(torch.randn(5, 3), torch.poisson(torch.ones(5, 1) * 2)) for _ in range(6)]))
