"""What a test of training code needs: one clear function for each question.

`assert_trains(model, batch, loss)`: does one step reach and move every parameter?
`check_function(MyFunction)`: is the backward of a custom `autograd.Function` the derivative of its forward?
`no_findings()`: does the code in this block run without an autograd pitfall?
`strategies`: tensors, parameters and small modules for hypothesis.

torch is imported when one of them is first asked for, and hypothesis only by `check_function` and `strategies`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradguard.testing import strategies
    from gradguard.testing.findings import no_findings
    from gradguard.testing.function import WrongFunction, check_function
    from gradguard.testing.train import DoesNotTrain, assert_trains

__all__ = ["DoesNotTrain", "WrongFunction", "assert_trains", "check_function", "no_findings", "strategies"]

_HOMES = {
    "DoesNotTrain": "train",
    "WrongFunction": "function",
    "assert_trains": "train",
    "check_function": "function",
    "no_findings": "findings",
}


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return importlib.import_module("gradguard.testing.strategies")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gradguard.testing.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
