# Event handlers run in the wrong order: the clearing handler is attached to backward instead of to the step.
import collections
import torch
import torch.nn as nn


class Events:
    def __init__(self):
        self.handlers = collections.defaultdict(list)

    def on(self, name, fn):
        self.handlers[name].append(fn)

    def fire(self, name):
        for fn in self.handlers[name]:
            fn()


torch.manual_seed(0)
events, net = Events(), nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)


def clear():
    optimizer.zero_grad()  # expect: GG102


events.on("backward_done", clear)
for x in torch.randn(5, 4, 3):
    loss = (net(x) - x.mean(1, keepdim=True)).pow(2).mean()
    loss.backward()
    events.fire("backward_done")
    optimizer.step()
print(loss.item())
