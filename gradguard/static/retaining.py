"""Graphs that a backward was asked to keep: whether another one needs them, and what they carry from turn to turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.events import GraphRetained, Site
from gradguard.static.values import Const, Op, Opaque, Tensor, Value, fresh, walk

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter
    from gradguard.static.project import SourceFile
    from gradguard.static.trace import Trace

__all__ = ["Retaining", "asked_for", "is_loose"]

_MOST_NODES = 4000


@dataclass(slots=True, eq=False)
class _Pass:
    """A backward that kept its graph because it was told to. `made` is a number between what is older and newer."""

    file: SourceFile
    node: cst.CSTNode
    name: str
    asks: str
    ops: dict[int, Op]
    open: bool
    made: int
    calls: tuple[cst.CSTNode, ...]
    conditional: bool
    used: bool = False
    carried: Op | None = None


@dataclass(slots=True, eq=False)
class Retaining:
    """What one execution has found so far. `whole` is true if it is the whole program that runs."""

    whole: bool = False
    passes: list[_Pass] = field(default_factory=list)
    exposed: list[Op] = field(default_factory=list)
    unseen: bool = False

    def passed(self, it: Interpreter, root: Tensor | Opaque, node: cst.CSTNode, name: str, asks: str) -> None:
        """A backward pass runs from `root`."""
        if not asks and not self.passes:
            return
        unknown = root.op is None or not (root.op.parents or root.op.leaves)
        unknown = unknown or (isinstance(root, Tensor) and not root.requires_grad)
        ops = {} if root.op is None else {op.ident: op for op in _below(root.op)}
        grad_of = root.grad_of if isinstance(root, Tensor) else frozenset()
        for earlier in self.passes:
            if unknown or (earlier.asks == "create" and grad_of):
                earlier.used = True
            elif not earlier.used or earlier.carried is None:
                self._compare(earlier, node, ops)
        if asks:
            loose = unknown or any(op.loose for op in ops.values())
            made = _Pass(it.file, node, name, asks, ops, loose, fresh(), it.trace.calls, it.trace.guesses > 0)
            self.passes.append(made)

    def _compare(self, earlier: _Pass, node: cst.CSTNode, ops: dict[int, Op]) -> None:
        shared = [op for ident, op in ops.items() if ident in earlier.ops and op.saves]
        if not shared:
            return
        earlier.used = True
        if node is earlier.node:
            # The same code has made both the old part of the graph and a new one: something is carried over.
            again = {op.node for op in ops.values() if op.ident > earlier.made}
            repeated = [op for op in shared if op.node in again]
            if repeated:
                border = [op for op in repeated if op.name] or repeated
                earlier.carried = max(border, key=lambda op: op.ident)

    def expose(self, values: Iterable[Value]) -> None:
        """Code that cannot be seen gets these values."""
        if len(self.exposed) < 500:
            self.exposed.extend(v.op for v in walk(values) if isinstance(v, (Tensor, Opaque)) and v.op is not None)

    def finish(self, trace: Trace) -> None:
        if not self.passes:
            return
        reachable: set[int] = set()
        for op in self.exposed:
            reachable.update(below.ident for below in _below(op))
        foreign = any(optimizer.own_step or optimizer.loose for optimizer in trace.optimizers)
        # The last of several passes from one place needs no graph any more, but it is the same statement.
        used = {made.node for made in self.passes if made.used}
        for made in self.passes:
            open_ = made.open or self.unseen or not reachable.isdisjoint(made.ops)
            if made.asks == "create":
                open_ = open_ or foreign or not trace.optimizers
            carried = made.carried
            trace.emit(
                GraphRetained(
                    site=(made.file, made.node),
                    conditional=made.conditional,
                    calls=made.calls,
                    name=made.name,
                    asks=made.asks,
                    used=True if made.node in used else (None if open_ else False),
                    carried="" if carried is None else carried.name or carried.operation,
                    carried_at=None if carried is None else _site(carried),
                )
            )


def _site(op: Op) -> Site:
    return op.file, op.node


def _below(root: Op) -> Iterator[Op]:
    seen = {root.ident}
    queue = [root]
    for op in queue:
        yield op
        for parent in op.parents:
            if parent.ident not in seen and len(seen) < _MOST_NODES:
                seen.add(parent.ident)
                queue.append(parent)


def asked_for(retain: Value | None, create: Value | None) -> str:
    """What a backward is asked to do with its graph, in so many words: "create", "retain" or nothing."""
    if isinstance(create, Const) and create.value is True:
        return "create"
    return "retain" if isinstance(retain, Const) and retain.value is True else ""


def is_loose(values: Iterable[Value]) -> bool:
    """Whether one of the inputs of an operation is unknown, and may have a graph of its own."""
    for value in values:
        if isinstance(value, Opaque):
            unknown = value.op is None and not value.detached and not value.parameters
            if unknown and (value.stable or bool(value.called)):
                return True
        elif isinstance(value, Tensor) and value.requires_grad is None and value.op is None:
            return True
    return False
