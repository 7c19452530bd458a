# Clearing is a callback, and the callback is missing from the list that is passed to the learner.
import torch
import torch.nn as nn


class Callback:
    def before_batch(self, learner):
        pass

    def after_batch(self, learner):
        pass


class ZeroGrad(Callback):
    def before_batch(self, learner):
        learner.opt.zero_grad()


class Recorder(Callback):
    def __init__(self):
        self.losses = []

    def after_batch(self, learner):
        self.losses.append(learner.loss.item())


class Learner:
    def __init__(self, model, dls, loss_func, opt, cbs=()):
        self.model, self.dls, self.loss_func, self.opt, self.cbs = model, dls, loss_func, opt, list(cbs)

    def __call__(self, event):
        for cb in self.cbs:
            getattr(cb, event)(self)

    def fit(self, n):
        for _ in range(n):
            for self.xb, self.yb in self.dls:
                self("before_batch")
                self.loss = self.loss_func(self.model(self.xb), self.yb)
                self.loss.backward()  # expect: GG101
                self.opt.step()
                self("after_batch")


torch.manual_seed(0)
net = nn.Linear(3, 2)
rec = Recorder()
dls = [(torch.randn(4, 3), torch.randint(0, 2, (4,))) for _ in range(3)]
Learner(net, dls, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.1), cbs=[rec]).fit(2)
print(rec.losses)
