"""Second backward passes through one graph: those that torch refuses, and those that double a gradient in silence."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Sequence
from types import FrameType
from typing import Any

import torch

from gradguard.events import Backward, GraphNode
from gradguard.runtime import names, text
from gradguard.runtime.diagnosis import Past, shared_graph
from gradguard.runtime.sites import Instruction, locals_of
from gradguard.runtime.watcher import Watcher

__all__ = ["WATCHER"]

_FREED = "backward through the graph a second time"


class _Freed(Watcher):
    what = "a repeated backward"

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        if _FREED not in str(error):
            return
        guard = self.guard
        here = Instruction(id(frame.f_code), frame.f_lasti)
        shared = shared_graph(roots, [Past.of(past) for past in guard.past], guard.sites, frame)
        if shared is None or shared.first.site is None:
            return
        name = text.receiver(frame.f_code, frame.f_lasti, "backward")
        carried = text.carried_beside(frame.f_code, shared.name or name, frame.f_lineno)
        first_code = guard.sites.codes[shared.first.site.code]
        first_name = text.receiver(first_code, shared.first.site.offset, "backward")
        node = GraphNode(
            id=("shared", guard.ledger),
            operation=names.operation(shared.node),
            site=self._traced(carried, shared.node, frame) or self._made_at(carried, frame, frame.f_lineno),
            saves=True,
            name=carried if carried.isidentifier() or shared.name else "",
        )
        guard.ledger.freed.pop(node.id, None)
        guard.ledger.record(
            Backward(site=shared.first.site, name=first_name, graph=(node,), keeps_graph=False, accumulates=False)
        )
        root = node if shared.is_root else GraphNode(id=("root", guard.ledger), operation="", site=here, saves=True)
        guard.explain(error, Backward(site=here, name=name, graph=(root, node), accumulates=False))

    def _traced(self, name: str, node: Any, user: FrameType) -> Instruction | None:
        """Where the value of the variable was computed; without a variable, where the node was made."""
        places = self.guard.places
        if not places.traced:
            return None
        try:
            expression = ast.parse(name, mode="eval").body
        except SyntaxError:
            return places.made(node)
        for frame in self.guard.sites.user_frames(user):
            value = text.evaluate(expression, frame)
            if isinstance(value, torch.Tensor):
                return places.made(value.grad_fn)
        return None

    def _made_at(self, name: str, user: FrameType, line: int) -> Hashable:
        """The assignment of the variable that a name begins with, in the frames of the user."""
        head = name.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
        if not head.isidentifier():
            return None
        for frame in self.guard.sites.user_frames(user):
            if head in locals_of(frame):
                before = line if frame is user and head == name and frame.f_code.co_name != "<module>" else None
                return text.assignment(frame.f_code, head, before)
        return None

    def again(self, call_site: Instruction | None, earlier: Any, node: Any) -> None:
        before = Past.of(earlier)
        if call_site is None or before.site is None:
            return
        guard = self.guard
        code = guard.sites.codes[call_site.code]
        name = text.receiver(code, call_site.offset, "backward")
        made = guard.places.made(node) or text.assignment(code, name, text.instruction_line(guard.sites, call_site))
        root = GraphNode(id=("shared", guard.ledger), operation=names.operation(node), site=made, saves=None, name=name)
        guard.ledger.freed.pop(root.id, None)
        guard.ledger.record(Backward(site=before.site, name=name, graph=(root,), keeps_graph=False, accumulates=False))
        guard.emit(Backward(site=call_site, name=name, graph=(root,), accumulates=False))


WATCHER = _Freed
