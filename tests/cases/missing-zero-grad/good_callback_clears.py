# Learner with callbacks: the only clearing is a callback found by getattr with an event name.
import torch
import torch.nn as nn


class Callback:
    order = 0

    def __getattr__(self, name):
        if name.startswith(("before_", "after_")):
            return lambda learner: None
        raise AttributeError(name)


class TrainCB(Callback):
    order = 1

    def after_step(self, learner):
        learner.opt.zero_grad()


class MetricsCB(Callback):
    def __init__(self):
        self.seen = []

    def after_batch(self, learner):
        self.seen.append(round(learner.loss.item(), 4))


class Learner:
    def __init__(self, model, data, lr, cbs):
        self.model, self.data, self.cbs = model, data, sorted(cbs, key=lambda c: c.order)
        self.opt = torch.optim.SGD(model.parameters(), lr)

    def fire(self, event):
        for cb in self.cbs:
            getattr(cb, event)(self)

    def fit(self, epochs):
        for _ in range(epochs):
            for batch in self.data:
                self.fire("before_batch")
                self.loss = self.model(batch).square().mean()
                self.loss.backward()
                self.fire("after_backward")
                self.opt.step()
                self.fire("after_step")
                self.fire("after_batch")


torch.manual_seed(0)
metrics = MetricsCB()
Learner(nn.Linear(3, 3), list(torch.randn(4, 5, 3)), 0.2, [TrainCB(), metrics]).fit(2)
print(metrics.seen)
