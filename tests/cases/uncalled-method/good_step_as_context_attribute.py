# A profiler object: "with timer.step:" and a print of state.step are plain attributes.
import contextlib
import time
import torch
import torch.nn as nn


class Timer:
    def __init__(self):
        self.spans = {"forward": 0.0, "step": 0.0}

    @contextlib.contextmanager
    def _span(self, name):
        start = time.perf_counter()
        yield
        self.spans[name] += time.perf_counter() - start

    @property
    def forward(self):
        return self._span("forward")

    @property
    def step(self):
        return self._span("step")


torch.manual_seed(0)
timer, net = Timer(), nn.Linear(8, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    with timer.forward:
        loss = net(torch.randn(5, 8)).abs().mean()
    with timer.step:
        opt.zero_grad()
        loss.backward()
        opt.step()
print(sorted(timer.spans), loss.item())
