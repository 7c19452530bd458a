"""Second backward passes through one graph: those that torch refuses, and those that double a gradient in silence."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Sequence
from types import FrameType
from typing import Any

import torch

from gradguard.events import Backward, GraphNode, Ownership
from gradguard.runtime import names, text
from gradguard.runtime.diagnosis import Past, shared_graph
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.modules import Found, computed_from, module_of, modules_in_sight
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
        computed = self._computed_once(roots, frame)
        if computed is not None:
            guard.explain(error, computed)
            return
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

    def _computed_once(self, roots: Sequence[Any], frame: FrameType) -> Ownership | None:
        """A module that keeps what was computed from a parameter is the cause: the graph of that is made only once."""
        found = None
        for node in nodes_from(roots):
            leaf = getattr(node, "variable", None)
            if not isinstance(leaf, torch.nn.Parameter):
                continue
            found = modules_in_sight(frame, self.guard.sites) if found is None else found
            if module_of(leaf, found) is not None:
                continue
            holder = computed_from(leaf, found)
            optimizer = "" if holder is None else self._optimizer_of(holder.module, found, frame)
            if holder is not None and optimizer:
                name = f"self.{holder.attribute}"
                return Ownership(site=holder.place, cause="computed", owned=False, name=name, optimizer=optimizer)
        return None

    def _optimizer_of(self, module: torch.nn.Module, found: Found, frame: FrameType) -> str:
        """The variable of an optimizer that has parameters of the module, or of a model that it is a part of."""
        around = [module, *(root for root in found.roots if any(part is module for part in root.modules()))]
        mine = {id(parameter) for model in around for parameter in model.parameters()}
        for user in self.guard.sites.user_frames(frame):
            for value in [*locals_of(user).values(), *user.f_globals.values()]:
                if isinstance(value, torch.optim.Optimizer):
                    if any(id(given) in mine for group in value.param_groups for given in group["params"]):
                        return names.name_in_frames(value, frame, self.guard.sites)
        return ""

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
