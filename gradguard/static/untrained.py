"""Modules that an optimizer was given for themselves, and that only ever run behind a cut in the graph."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from gradguard import events
from gradguard.events import NeverTrained
from gradguard.static import cuts, ownership
from gradguard.static.index import children, names_in
from gradguard.static.values import Cut, Instance, Module, Optimizer, Tensor

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter
    from gradguard.static.project import SourceFile
    from gradguard.static.trace import Trace

__all__ = ["Memory", "judge"]

Place = tuple["SourceFile", cst.CSTNode]

# What cuts a graph and may well be meant; of the other kinds detached-backward tells.
_KINDS = frozenset({"mode", "detach"})
_NO_RATE = re.compile(r"\blr['\"]?\s*[:=]\s*0(\.0*)?\s*[,})\n]")
_BRANCHES = (cst.If, cst.IfExp, cst.Match, cst.BooleanOperation)


@dataclass(slots=True)
class Memory:
    """What the executions of one file found: the places that made modules which are trained, and those accused."""

    trained: set[Place] = field(default_factory=set)
    accused: dict[Place, set[Place]] = field(default_factory=dict)


def judge(it: Interpreter, memory: Memory) -> None:
    """At the end of an execution: which modules that an optimizer holds are always cut off?

    An execution in which such a module gets gradients acquits it, whether or not that execution has the same cut.
    """
    trace = it.trace
    if NeverTrained not in trace.detectors:
        return
    made = trace.ownership.made_at
    touched = trace.reached | trace.elsewhere
    now = {made[cell] for cell in touched if cell in made}
    memory.trained |= now
    for place in now:
        for site in memory.accused.pop(place, ()):
            _emit(trace, site, events.Cut(kind=""), trained=True)
    if not trace.fed or trace.imagined or trace.haunted or trace.backward_hooked or trace.ownership.unknown_passes:
        return
    text = it.project.main.source.text
    if ownership.changes_groups(text) or ownership.assigns_gradients(text) or _NO_RATE.search(text):
        return
    for optimizer in trace.optimizers:
        for owner in _given_alone(trace, optimizer):
            _accuse(it, memory, optimizer, owner)


def _given_alone(trace: Trace, optimizer: Optimizer) -> Iterator[Module | Instance]:
    """The modules whose parameters were given apart from others, none of which ever gets a gradient; others do."""
    if optimizer.loose or optimizer.own_step or optimizer.updater not in trace.ledger.first_steps:
        return
    if len(optimizer.owners) < 2 or trace.reached.isdisjoint(optimizer.given):
        return
    records = trace.ownership
    touched = trace.reached | trace.elsewhere | records.handled | records.resting
    for owner in optimizer.owners:
        if not isinstance(owner, (Module, Instance)):
            continue
        cells = trace.cells([owner])
        if not cells or not touched.isdisjoint(cells) or not cells <= optimizer.given:
            continue
        if all(_is_to_be_trained(trace.owners[cell]) for cell in cells):
            yield owner


def _is_to_be_trained(cell: object) -> bool:
    if isinstance(cell, Module):
        return cell.frozen is False
    if isinstance(cell, Instance):
        return cell.whole and cell.frozen is False
    return isinstance(cell, Tensor) and cell.requires_grad is True


def _accuse(it: Interpreter, memory: Memory, optimizer: Optimizer, owner: Module | Instance) -> None:
    trace = it.trace
    cells = trace.cells([owner])
    name = trace.ownership.names.get(owner.ident, ("", owner))[0]
    if ownership.is_named_fixed(name):
        return
    found: dict[Place, tuple[Cut, Hashable]] = {}
    for cut, backward in trace.fed.items():
        if cut.node is not None and cut.file is not None and not cells.isdisjoint(trace.cells(cut.of)):
            if cut.kind not in _KINDS or cuts.is_hidden(cut):
                return
            found.setdefault((cut.file, cut.node), (cut, backward))
    made = [place for cell in cells if (place := trace.ownership.made_at.get(cell)) is not None]
    trained = not memory.trained.isdisjoint(made)
    for site, (cut, backward) in found.items():
        if _is_optional(*site):
            continue
        for place in made:
            memory.accused.setdefault(place, set()).add(site)
        _emit(
            trace,
            site,
            events.Cut(kind=cut.kind, what=cut.what, lost=True),
            name=name,
            optimizer=optimizer.name or "optimizer",
            given_at=trace.ownership.added_at.get(owner.ident) or _given_at(optimizer),
            backward=backward,
            trained=trained,
        )


def _emit(
    trace: Trace,
    site: Place,
    cut: events.Cut,
    *,
    name: str = "",
    optimizer: str = "",
    given_at: Hashable = None,
    backward: Hashable = None,
    trained: bool,
) -> None:
    if any(key[0] == "detached-backward" and key[1] == site for key in trace.reports):
        return
    trace.emit(
        NeverTrained(
            site=site,
            cut=cut,
            name=name,
            optimizer=optimizer,
            given_at=given_at,
            backward=backward,
            trained=trained,
        )
    )


def _given_at(optimizer: Optimizer) -> Hashable:
    kind = optimizer.updater
    return (kind[1], kind[2]) if isinstance(kind, tuple) and kind[0] == "optimizer" else None


def _is_optional(file: SourceFile, node: cst.CSTNode) -> bool:
    """Whether a cut, or a call of the function that it lies in, stands under a condition: it may be a phase."""
    wanted = [node]
    seen: set[str] = set()
    while wanted:
        around = _around(file, wanted.pop())
        if any(isinstance(outer, _BRANCHES) and not _asks_for_main(outer) for outer in around):
            return True
        inside = [outer.name.value for outer in around if isinstance(outer, (cst.FunctionDef, cst.ClassDef))]
        for name in inside:
            if name not in seen:
                seen.add(name)
                wanted.extend(_calls(file, name))
    return False


def _asks_for_main(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.If) and "__name__" in names_in(node.test)


def _around(file: SourceFile, node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes that a node lies in, but for the tests of an `if`."""

    def search(current: cst.CSTNode) -> list[cst.CSTNode] | None:
        if current is node:
            return []
        for child in children(current):
            found = search(child)
            if found is not None:
                if isinstance(current, (cst.If, cst.IfExp)) and child is current.test:
                    return found
                return [*found, current]
        return None

    return search(file.module) or []


def _calls(file: SourceFile, name: str) -> Iterator[cst.CSTNode]:
    stack: list[cst.CSTNode] = [file.module]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Call):
            func = current.func.attr if isinstance(current.func, cst.Attribute) else current.func
            if isinstance(func, cst.Name) and func.value == name:
                yield current
        stack.extend(children(current))
