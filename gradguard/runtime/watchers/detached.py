"""Backward passes that reach nothing: on a root without a graph, and on a loss that was made a leaf."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import Backward
from gradguard.runtime import origins
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.graph import leads_to_a_parameter
from gradguard.runtime.sites import Instruction, expression_at
from gradguard.runtime.watcher import BackwardCall, Watcher
from gradguard.runtime.watchers.reads import lost_parameter

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_NO_GRAPH = "does not require grad and does not have a grad_fn"
_NO_METHOD = "has no attribute 'backward'"


class _Detached(Watcher):
    what = "a backward that reaches nothing"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        # Call sites of backward whose root was a leaf. What is told of one is worked out once.
        self._leaves: dict[Instruction, Backward | None] = {}
        self._others: set[Instruction] = set()

    def entering(self, call: BackwardCall) -> None:
        root, here = call.roots[0], call.here
        if here is None or not call.adds or not isinstance(root, torch.Tensor):
            return
        if here in self._others or call.frame is None or not root.requires_grad:
            return
        if here not in self._leaves:
            if root.grad_fn is not None and leads_to_a_parameter(root):
                self._others.add(here)
                return
            self._leaves[here] = self._leaf_event(root, call.frame, here)
        elif root.grad_fn is not None and self._leaves[here] is None:
            self._others.add(here)
        event = self._leaves[here]
        if event is not None and self.guard.emit(event) is not None:
            self.guard.reached_nothing = True

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        """Torch has refused a backward because its root has no graph."""
        root = next((r for r in roots if isinstance(r, torch.Tensor) and not r.requires_grad), None)
        if root is None or _NO_GRAPH not in str(error) or lost_parameter(self.guard, frame) is not None:
            return
        expression = origins.root_expression(frame, root)
        self._explain(error, frame, frame.f_lasti, expression, root)

    def escaped(self, error: BaseException) -> None:
        """`total.backward()` on a plain number."""
        last = last_user_entry(error, self.guard.sites)
        if last is None or not isinstance(error, AttributeError) or _NO_METHOD not in str(error):
            return
        node = expression_at(last.tb_frame.f_code, last.tb_lasti)
        node = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Attribute) and node.attr == "backward":
            self._explain(error, last.tb_frame, last.tb_lasti, node.value, None)

    def _explain(
        self, error: BaseException, frame: FrameType, instruction: int, expression: ast.expr | None, root: Any
    ) -> None:
        if origins.expects_an_error(frame, self.guard.sites):
            return
        cut = origins.cause(frame, expression, self.guard.sites)
        if cut.kind != "frozen":  # then what was cut, such as a target, was meant to be
            cut = self.guard.places.cut(root) or cut
        if root is None and cut.site is None:
            return  # some other object without such a method
        self.guard.reached_nothing = True
        event = Backward(
            site=Instruction(id(frame.f_code), instruction),
            name=_name(expression),
            requires_grad=False,
            cut=cut,
            accumulates=False,
        )
        self.guard.explain(error, event)

    def _leaf_event(self, root: torch.Tensor, frame: FrameType, here: Instruction) -> Backward | None:
        expression = origins.root_expression(frame, root)
        kinds = () if root.grad_fn is None else ("discrete",)
        traced = self.guard.places.leaf(root)
        if traced is not None and expression is not None:
            maker, cut = traced
            return Backward(
                site=here, name=_name(expression), requires_grad=True, leaf=maker, cut=cut, accumulates=False
            )
        found = None if expression is None else origins.leaf_maker(frame, expression, self.guard.sites, kinds)
        if found is None:
            return None
        maker, cut = found
        return Backward(site=here, name=_name(expression), requires_grad=True, leaf=maker, cut=cut, accumulates=False)


def _name(expression: ast.expr | None) -> str:
    text = "" if expression is None else ast.unparse(expression)
    return text if len(text) <= 40 else ""


WATCHER = _Detached
