"""What a loop keeps: values whose graph is dead and yet grows from turn to turn.

A graph is dead when nobody can run backward through it any more: an earlier backward has freed it, or a step has
changed the weights that it saved. In an evaluation it is dead from the start: a function that calls `eval()` and runs
no backward goes through a data set. To keep one is no fault (the last loss, the best one); to add one in every turn, to
a sum or to a container that outlives the turn, fills the memory. So a store is looked at when it happens again: does
the sum, or the container, still hold the dead graph that the same statement gave it in an earlier turn?
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.events import GraphKept
from gradguard.static import cuts, syntax
from gradguard.static.values import Instance, Op, Opaque, Seq, Table, Tensor, Value

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter, Loop
    from gradguard.static.project import SourceFile
    from gradguard.static.trace import Trace

__all__ = ["Keeping", "bound", "emptied", "evaluates", "is_state", "put"]

_TRAINS = frozenset({".backward", "backward", ".grad", "grad", ".step", ".requires_grad", ".requires_grad_"})
_MOST_NODES = 300
_NEAR = 4


@dataclass(slots=True, eq=False)
class _Kept:
    event: GraphKept
    op: Op
    loop: Loop
    holder: int
    is_sum: bool
    passes: int  # that had run by then
    old: Op


@dataclass(slots=True, eq=False)
class Keeping:
    """What one execution has found so far. A reset in the same loop takes an accusation back."""

    kept: dict[cst.CSTNode, _Kept] = field(default_factory=dict)
    released: dict[cst.CSTNode, GraphKept] = field(default_factory=dict)
    ran: dict[Hashable, int] = field(default_factory=dict)  # the latest pass that ran through an operation

    def finish(self, trace: Trace) -> None:
        """Tell what was kept until the end, and what was let go of."""
        for node, kept in self.kept.items():
            # What a backward runs through all the same is a matter of other rules.
            later = kept.op if kept.is_sum else kept.old
            if self.ran.get(later.ident, 0) <= (0 if kept.is_sum else kept.passes):
                self.released.pop(node, None)
                trace.emit(kept.event)
        for event in self.released.values():
            trace.emit(event)

    def release(self, it: Interpreter, holder: int) -> None:
        """A container is emptied, or a sum begins anew, inside of the loop that fills it."""
        for node, kept in list(self.kept.items()):
            if kept.holder == holder and kept.loop in it.loops:
                del self.kept[node]
                self.let_go(node, kept.event)

    def let_go(self, node: cst.CSTNode, event: GraphKept) -> None:
        self.released[node] = GraphKept(
            site=event.site, holder=event.holder, value=event.value, kind=event.kind, grows=False, bound=event.bound
        )


# --- values ----------------------------------------------------------------------------------------------------------


def _attached(values: Iterable[Value], depth: int = 3) -> Iterator[Tensor | Opaque]:
    """The values with a graph among these, and inside of what these are made of."""
    for value in values:
        if isinstance(value, Tensor):
            if value.op is not None and value.requires_grad:
                yield value
        elif isinstance(value, Opaque):
            if value.detached:
                continue
            if value.op is not None:
                yield value
            elif depth and value.called[:1].isupper() and value.refs:  # a named tuple, or a record of a library
                yield from _attached(value.refs, depth - 1)
        elif depth and isinstance(value, Seq):
            yield from _attached(value.items, depth - 1)
        elif depth and isinstance(value, Table):
            yield from _attached(value.items.values(), depth - 1)
        elif depth and isinstance(value, Instance) and not value.is_module:
            yield from _attached(value.attributes.values(), depth - 1)


def _is_dead(it: Interpreter, root: Op) -> bool:
    """Whether no backward can run through the graph any more."""
    trace = it.trace
    freed, stepped = trace.ledger.freed, trace.stepped_at
    seen = {root.ident}
    queue = [root]
    for op in queue:
        if op.saves and op.ident in freed:
            return True
        # The weights of a layer are saved if what goes into it needs a gradient, too.
        if op.leaves and stepped and (op.parents or op.unsure is not None):
            if any(stepped.get(cell, 0) > op.ident for cell in trace.cells(op.leaves)):
                return True
        for parent in op.parents:
            if parent.ident not in seen and len(seen) < _MOST_NODES:
                seen.add(parent.ident)
                queue.append(parent)
    return False


def evaluates(it: Interpreter, loop: cst.CSTNode | None) -> bool:
    """Whether a loop goes through a data set to evaluate a model, and records graphs for it all the same."""
    function = it.frame.function
    if type(loop) is not cst.For or function is None or not it.grad_enabled:
        return False
    if not (it.mode_known or it.explicit_mode):
        return False  # whoever calls this may have switched gradients off
    names = it.file.index.names_of(function.node)
    if ".eval" not in names or not _TRAINS.isdisjoint(names):
        return False
    return any(cuts.names_loader(name.lstrip(".")) for name in it.file.index.names_of(loop.iter))


def _is_useless(it: Interpreter, root: Op) -> bool:
    return _is_dead(it, root) or evaluates(it, it.loops[-1].node)


def _grew_from(new: Op, old: Op) -> bool:
    """Whether an operation has the result of its own earlier turn among its nearest operands."""
    return old.node is new.node and old is not new and _is_near(new, old)


def _is_near(new: Op, old: Op) -> bool:
    layer = [new]
    for _ in range(_NEAR):
        layer = [parent for op in layer for parent in op.parents]
        if old in layer:
            return True
    return False


# --- stores ----------------------------------------------------------------------------------------------------------


def put(
    it: Interpreter, holder: Seq | Table, value: Value, node: cst.CSTNode, *, others: Iterable[Value], name: str
) -> None:
    """`value` is about to be put into a container that already holds `others`."""
    if not it.loops or it.loops[-1].turn == 0 or (isinstance(holder, Seq) and holder.kind == "tuple"):
        return
    new = next(_attached([value]), None)
    if new is None or new.op is None:
        return
    made = new.op.node
    for old in _attached(others):
        if old.op is not None and old.op is not new.op and old.op.node is made and _is_useless(it, old.op):
            limit = holder.limit if isinstance(holder, Seq) else None
            if _is_trimmed(it, name):
                limit = 0
            _keep(
                it,
                node,
                new.op,
                old.op,
                holder=id(holder),
                name=name,
                value=_text_of(node, new),
                kind="list",
                limit=limit,
            )
            return


def _is_trimmed(it: Interpreter, name: str) -> bool:
    """Whether the file takes items out of a container of that name, at a length that two turns do not reach."""
    last = re.escape(name.rsplit(".", 1)[-1])
    pattern = rf"\b{last}\.(pop|popleft|popitem)\(|\bdel [\w.]*\b{last}\[|\b{last}(\[:\])? = .*\b{last}\["
    return bool(last) and re.search(pattern, it.file.source.text) is not None


def is_state(it: Interpreter, receiver: Instance | Opaque, name: str) -> bool:
    """Whether an attribute is the state of a module that something resets: the voltage of a neuron, say."""
    if not it.loops or not isinstance(receiver, Instance) or not receiver.is_module:
        return False
    return name in receiver.cls.file.reset


def bound(it: Interpreter, old: Value | None, new: Value, name: str, key: object, node: cst.CSTNode) -> None:
    """A variable, attribute or item that was `old` is bound to `new`."""
    if not it.loops:
        return
    new_op = new.op if isinstance(new, (Tensor, Opaque)) else None
    if new_op is None or not name:
        if isinstance(new, Seq) and isinstance(old, Seq) and old is not new:
            _rebound_list(it, old, new, name, node)
        return
    old_op = old.op if isinstance(old, (Tensor, Opaque)) else None
    if old_op is None:
        if it.loops[-1].turn > 0:
            _begun_anew(it, key, new_op)
        return
    loop = it.loops[-1]
    if loop.turn == 1 and old_op.node is not new_op.node and _is_near(new_op, old_op) and _begins_as_none(it, name):
        loop.turns = max(loop.turns, 3)  # `smooth = loss if smooth is None else 0.9 * smooth + 0.1 * loss`
    if _grew_from(new_op, old_op) and _is_useless(it, old_op):
        value = _text_of(node, None)
        _keep(it, node, new_op, old_op, holder=hash(key), name=name, value=value, kind="sum", limit=None)


def _begins_as_none(it: Interpreter, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)} is (not )?None\b", it.file.source.text) is not None


def _rebound_list(it: Interpreter, old: Seq, new: Seq, name: str, node: cst.CSTNode) -> None:
    """`losses = losses + [loss]`, or `losses = losses[-10:]`."""
    if len(new.items) > len(old.items) > 0 and new.items[0] is old.items[0]:
        put(it, new, new.items[-1], node, others=new.items[:-1], name=name)
    else:
        it.trace.keeping.release(it, id(old))


def _begun_anew(it: Interpreter, key: object, op: Op) -> None:
    """A sum begins anew in a later turn of a loop: it was reset there."""
    keeping = it.trace.keeping
    for node, kept in list(keeping.kept.items()):
        if kept.is_sum and kept.holder == hash(key) and kept.op.node is op.node and kept.loop is it.loops[-1]:
            del keeping.kept[node]
            keeping.let_go(node, kept.event)


def emptied(it: Interpreter, holder: Value) -> None:
    """Something is taken out of a container."""
    if it.trace.keeping.kept:
        it.trace.keeping.release(it, id(holder))


def _keep(
    it: Interpreter,
    node: cst.CSTNode,
    op: Op,
    old: Op,
    *,
    holder: int,
    name: str,
    value: str,
    kind: str,
    limit: int | None,
) -> None:
    file, place = _place(it, node)
    event = GraphKept(
        site=(file, place),
        conditional=it.trace.guesses > 0,
        calls=it.trace.calls,
        holder=name,
        value=value,
        kind=kind,
        grows=True,
        bound=limit,
        evaluating=evaluates(it, it.loops[-1].node),
    )
    keeping = it.trace.keeping
    if node not in keeping.released:
        keeping.kept[node] = _Kept(event, op, it.loops[-1], holder, kind == "sum", it.trace.passes, old)


def _place(it: Interpreter, node: cst.CSTNode) -> tuple[SourceFile, cst.CSTNode]:
    """The statement, or, if it lies in another file (a meter, say), the call that led there from this one."""
    main = it.project.main
    if it.file is main:
        return it.file, node
    frames = [(position, frame) for position, frame in enumerate(it.frames) if frame.function is not None]
    for (position, _), call in zip(reversed(frames), reversed(it.trace.calls), strict=False):
        if position > 0 and it.frames[position - 1].file is main:
            return main, call
    return it.file, node


def _text_of(node: cst.CSTNode, value: Tensor | Opaque | None) -> str:
    """What is kept, as it is called in the source."""
    if isinstance(node, cst.AugAssign):
        return syntax.text(node.value)
    if isinstance(node, cst.Call) and node.args:
        return syntax.text(node.args[-1].value) or (_name_of(value) if value is not None else "")
    if isinstance(node, cst.Assign):
        return syntax.text(node.value)
    return ""


def _name_of(value: Tensor | Opaque) -> str:
    return value.name if isinstance(value, Tensor) else value.bound or value.hint
