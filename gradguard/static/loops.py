"""What a loop runs over: how many turns are executed, and the item of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import expressions, objects, optimizers
from gradguard.static.values import Const, Module, Opaque, Parameters, Seq, Table, Tensor, Value

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["Iteration", "iterate"]

TURNS = 2
MAX_ITEMS = 6
MAX_OBJECTS = 64


@dataclass(slots=True)
class Iteration:
    """What a loop runs over: how many turns, at most how many, and the item of each turn."""

    turns: int
    limit: int
    item: Callable[[int], Value]


def iterate(it: Interpreter, iterable: Value, hint: str, node: cst.CSTNode, *, hot: bool) -> Iteration:
    """How to run a loop over a value."""
    turns = TURNS if hot else 1
    if isinstance(iterable, Seq):
        items = iterable.items
        if iterable.exact or items:
            count = len(items)
            if iterable.exact:
                # What has an identity (parameters, optimizers) is visited whole: each may be treated for itself.
                whole = count <= MAX_ITEMS or (count <= MAX_OBJECTS and type(items[0]) is not Const)
                return Iteration(count if whole else turns, count, lambda turn: optimizers.one_of(it, items[turn]))
            shown = max(turns, min(count, MAX_ITEMS))
            return Iteration(
                shown, 1 << 30, lambda turn: expressions.stand_in(optimizers.one_of(it, items[turn % count]))
            )
    if isinstance(iterable, Parameters):
        optimizers.run_through(it, iterable, getattr(node, "iter", node), "this loop")
        return Iteration(1, 1, lambda turn: optimizers.parameter(it, iterable))
    if isinstance(iterable, Table):
        keys = list(iterable.items)
        if keys or iterable.exact:
            return Iteration(min(len(keys), MAX_ITEMS), len(keys), lambda turn: Const(keys[turn]))
    if isinstance(iterable, Module) and iterable.children:
        kids = iterable.children
        return Iteration(min(len(kids), MAX_ITEMS), len(kids), lambda turn: kids[turn])
    if isinstance(iterable, Opaque) and iterable.called == "range":
        start = iterable.memo.get("start")
        stop = iterable.memo.get("stop")
        step = iterable.memo.get("step")
        first = start.value if isinstance(start, Const) and isinstance(start.value, int) else 0
        by = step.value if isinstance(step, Const) and isinstance(step.value, int) and step.value else 1
        limit = 1 << 30
        if isinstance(stop, Const) and isinstance(stop.value, int):
            limit = max(0, -(-(stop.value - first) // by))
        return Iteration(min(turns, limit), limit, lambda turn: Const(first + by * turn, counter=True))
    if isinstance(iterable, Opaque) and iterable.called == "enumerate":
        start = iterable.memo.get("start")
        base = start.value if isinstance(start, Const) and isinstance(start.value, int) else 0
        inner = iterate(it, iterable.refs[0], "", node, hot=hot)

        def numbered(turn: int) -> Value:
            return Seq([Const(base + turn, counter=True), inner.item(turn)], kind="tuple")

        return Iteration(inner.turns, inner.limit, numbered)
    if isinstance(iterable, Opaque) and iterable.called == "zip":
        parts = [iterate(it, part, "", node, hot=hot) for part in iterable.refs]
        known = [part for part in parts if part.limit < 1 << 30] or parts
        return Iteration(
            min(part.turns for part in known) if known else turns,
            min((part.limit for part in known), default=1 << 30),
            lambda turn: Seq([part.item(turn) for part in parts], kind="tuple"),
        )
    if isinstance(iterable, Tensor):
        return Iteration(turns, 1 << 30, lambda turn: objects.element(it, iterable, node))
    return Iteration(turns, 1 << 30, lambda turn: objects.unknown_item(it, iterable, hint))
