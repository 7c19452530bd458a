# A small engine with an optional backward hook; the hook is left at None.
from typing import Callable, Optional

import torch
import torch.nn as nn


class Engine:
    def __init__(self, model: nn.Module, lr: float, backward: Optional[Callable] = None):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        self.backward = backward

    def iterate(self, batch: torch.Tensor) -> float:
        self.optimizer.zero_grad()
        loss = (self.model(batch) - batch).abs().mean()
        if self.backward is not None:
            self.backward(loss)
        self.optimizer.step()  # expect: GG103
        return loss.item()


torch.manual_seed(0)
engine = Engine(nn.Linear(4, 4), lr=0.1)
print([engine.iterate(b) for b in torch.randn(3, 5, 4)])
