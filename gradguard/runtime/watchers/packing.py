"""Hooks for saved tensors whose pack hook hands back what it is given. Only if the rule is asked for."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch

from gradguard.events import SavedTensorsHooks
from gradguard.runtime.watcher import Watcher

__all__ = ["WATCHER"]

_CODE = "GG505"


class _Packing(Watcher):
    what = "hooks for saved tensors"

    def install(self, patches: Any) -> None:
        if any(_CODE in report.codes for report in self.guard.reports):
            hooks = torch.autograd.graph.saved_tensors_hooks
            patches.patch(hooks, "__init__", self._init(patches), self.what)

    def _init(self, patches: Any) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def __init__(self_: Any, pack_hook: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it stands for it
                original(self_, pack_hook, *args, **kwargs)
                if patches.active and not self.guard.elsewhere() and returns_input(pack_hook):
                    here = self.guard.sites.instruction(sys._getframe(1))
                    self.guard.emit(SavedTensorsHooks(site=here, returns_input=True))

            return __init__

        return make


def returns_input(function: Any) -> bool:
    """Whether a function of one argument does nothing but return it."""
    if not isinstance(function, FunctionType) or function.__code__.co_argcount != 1:
        return False
    ignored = ("RESUME", "NOP", "CACHE")
    steps = [step for step in dis.get_instructions(function) if step.opname not in ignored]
    return (
        len(steps) == 2
        and steps[0].opname.startswith("LOAD_FAST")
        and steps[0].argval == function.__code__.co_varnames[0]
        and steps[1].opname == "RETURN_VALUE"
    )


WATCHER = _Packing
