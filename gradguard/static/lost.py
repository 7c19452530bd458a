"""Updates that come to nothing: a name is bound to the new value, and the parameter keeps the old one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.events import LostParameter, LostUpdate
from gradguard.static import syntax
from gradguard.static.index import children, names_in
from gradguard.static.values import Optimizer, Tensor

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter
    from gradguard.static.project import SourceFile
    from gradguard.static.trace import Trace

__all__ = ["mark", "note", "tell"]


def note(it: Interpreter, old: Tensor, name: str, node: cst.CSTNode) -> None:
    """`name`, which stood for the parameter `old`, has been bound to the result of its update."""
    if LostUpdate not in it.trace.detectors or not old.requires_grad or type(node) is not cst.Assign:
        return
    inner = it.loops[it.frame.loops_before :]
    if inner and inner[-1].node is not None and name in names_in(inner[-1].node.target):
        body: cst.CSTNode = inner[-1].node.body
    elif not inner and _is_argument(it, name):
        body = it.frame.function.node.body  # type: ignore[union-attr]
    else:
        return
    if _is_read_after(body, node, name):
        return
    it.trace.emit(
        LostUpdate(
            site=(it.file, node),
            conditional=it.trace.guesses > 0,
            calls=it.trace.calls,
            name=name,
            of_loop=bool(inner),
            update=syntax.text(node.value),
        )
    )


def mark(it: Interpreter, old: Tensor, new: Tensor, name: str, node: cst.CSTNode) -> None:
    """A name that stood for a parameter is bound to what was computed from it; an optimizer may hold the parameter."""
    derived = old in new.reach or (new.cut is not None and old in new.cut.of)
    if derived and old.owners == (old,) and any(old.ident in optimizer.given for optimizer in it.trace.optimizers):
        it.trace.rebound[old.ident] = (name, it.file, node)


def tell(trace: Trace, optimizer: Optimizer, file: SourceFile, node: cst.CSTNode) -> None:
    """The optimizer is about to step: does it still hold what the program computes with?"""
    lost = [trace.rebound[cell] for cell in optimizer.given if cell in trace.rebound]
    if not lost or trace.guesses or optimizer.updater not in trace.ledger.first_steps:
        return
    states = [trace.ledger.gradient(cell) for cell in trace.stepped_by(optimizer)]
    if not trace.is_seen_whole(optimizer) or any(state.added or not state.known for state in states):
        return
    name, place, statement = lost[0]
    trace.emit(
        LostParameter(
            site=(place, statement),
            calls=trace.calls,
            name=name,
            optimizer=optimizer.name or "optimizer",
            stepped_at=(file, node),
        )
    )


def _is_argument(it: Interpreter, name: str) -> bool:
    function = it.frame.function
    if function is None or type(function.node) is not cst.FunctionDef:
        return False
    params = function.node.params
    return name in {param.name.value for param in (*params.posonly_params, *params.params, *params.kwonly_params)}


def _is_read_after(body: cst.CSTNode, statement: cst.CSTNode, name: str) -> bool:
    """Whether the name stands anywhere behind a statement, or in a function that may run at any time."""
    seen = False
    for node in _in_order(body):
        if node is statement:
            seen = True
        elif type(node) in (cst.FunctionDef, cst.Lambda):
            if name in names_in(node):
                return True
        elif seen and type(node) is cst.Name and node.value == name:
            return True
    return not seen


def _in_order(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and those below it, in the order of the source; what the statement itself holds comes before it."""
    if type(node) is cst.Assign:
        for child in children(node):
            yield from _in_order(child)
        yield node
        return
    yield node
    for child in children(node):
        yield from _in_order(child)
