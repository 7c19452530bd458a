"""A batch is cut into chunks; each chunk's backward is followed by a clip, the step comes after the last."""

import torch
from torch import nn


class Runner:
    def __init__(self, model):
        self.model = model
        self.optim = torch.optim.SGD(model.parameters(), lr=0.1)

    def run_batch(self, batch):
        self.optim.zero_grad()
        for chunk in batch.chunk(3):
            loss = self.model(chunk).pow(2).mean() / 3
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 0.1)  # expect: GG107
        self.optim.step()


torch.manual_seed(0)
runner = Runner(nn.Linear(4, 1))
for _ in range(3):
    runner.run_batch(torch.randn(6, 4))
