# A Protocol class and a dataclass field name the methods without calling them; hasattr and getattr look them up.
from dataclasses import dataclass
from typing import Callable, Protocol

import torch
import torch.nn as nn


class Stepper(Protocol):
    step: Callable[..., object]
    zero_grad: Callable[..., None]


@dataclass
class Plan:
    advance: Callable[[], object]
    clear: Callable[[], None]

    @classmethod
    def of(cls, stepper: Stepper):
        assert hasattr(stepper, "step")
        return cls(stepper.step, getattr(stepper, "zero_grad"))


torch.manual_seed(0)
scorer = nn.Linear(4, 1)
plan = Plan.of(torch.optim.SGD(scorer.parameters(), lr=0.1))
for x in torch.randn(4, 6, 4):
    plan.clear()
    loss = scorer(x).sigmoid().mean()
    loss.backward()
    plan.advance()
print(loss.item())
