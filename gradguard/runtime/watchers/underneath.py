"""A loss that was computed from a new leaf: `torch.tensor(losses, requires_grad=True).mean()`.

A graph that leads to a leaf and to no parameter may be meant so: an input is optimised, or a start value. So the
optimizer's steps must show that they find no gradient because of it.
"""

from __future__ import annotations

import ast
from types import FrameType
from typing import TYPE_CHECKING

import torch

from gradguard.events import Backward
from gradguard.runtime import origins
from gradguard.runtime.graph import leads_to_a_parameter
from gradguard.runtime.sites import Instruction
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_ENOUGH = 2
_LONGEST_NAME = 40


class _Underneath(Watcher):
    what = "a loss that is computed from a new leaf"
    reads_gradients = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._known: dict[Instruction, Backward | None] = {}  # what each call of backward would be told as
        self._doubt: Backward | None = None
        self._idle = 0

    def entering(self, call: BackwardCall) -> None:
        root, here = call.roots[0], call.here
        if here is None or call.frame is None or not call.adds or not isinstance(root, torch.Tensor):
            return
        if here not in self._known:
            self._known[here] = self._event(root, call.frame, here)
        self._doubt = self._known[here]

    def _event(self, root: torch.Tensor, frame: FrameType, here: Instruction) -> Backward | None:
        if root.grad_fn is None or leads_to_a_parameter(root):
            return None
        expression = origins.root_expression(frame, root)
        if expression is None:
            return None
        found = origins.leaf_maker(frame, expression, self.guard.sites, ("number", "rewrap"))
        if found is None:
            return None
        maker, cut = found
        name = ast.unparse(expression)
        return Backward(
            site=here,
            name=name if len(name) <= _LONGEST_NAME else "",
            requires_grad=True,
            leaf=maker,
            cut=cut,
            accumulates=False,
        )

    def stepping(self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType) -> None:
        doubt = self._doubt
        if doubt is None:
            return
        if any(tensor.grad is not None for group in optimizer.param_groups for tensor in group["params"]):
            self._doubt = None
            return
        self._idle += 1
        self.guard.reached_nothing = True  # the step need not be told of, too
        if self._idle >= _ENOUGH:
            self.guard.emit(doubt)


WATCHER = _Underneath
