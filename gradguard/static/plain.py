"""Functions that have nothing to do with gradients, and are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static.index import children
from gradguard.static.values import (
    Arguments,
    Const,
    External,
    Function,
    Instance,
    Opaque,
    Periodic,
    Seq,
    Table,
    Value,
    walk,
)

if TYPE_CHECKING:
    pass


_MATTERS = frozenset(
    "torch nn F optim .requires_grad .requires_grad_ .detach .parameters .grad Tensor .optimizer .model .data".split()
)


def is_beside_the_point(function: Function, arguments: Arguments, receiver: Value | None) -> bool:
    """Whether a function can be left out: it handles no gradients, and nothing that it gets has to do with them."""
    if function.name == "__init__" or type(function.node) is cst.Lambda or "generator" in function.flags:
        return False
    if not _is_plain(function, 0):
        return False
    if isinstance(receiver, Instance):
        if receiver.is_module or not receiver.whole or any(_concerns(v) for v in receiver.attributes.values()):
            return False
    elif receiver is not None:
        return False
    return not any(_concerns(value) for value in walk(arguments.all()))


def _is_plain(function: Function, depth: int) -> bool:
    """Whether neither the text of a function nor the globals that it names have to do with gradients."""
    if depth > 3:
        return False
    index, known = function.file.index, function.file.plain
    names = index.names_of(function.node)
    plain = known.get(function.node)
    if plain is None:
        plain = index.hot.isdisjoint(names) and _MATTERS.isdisjoint(names) and not _makes_functions(function)
        known[function.node] = plain
    if not plain:
        return False
    for name in names:
        value = function.scope.find(name) if name[0] != "." else None
        if isinstance(value, Function):
            if value is not function and not _is_plain(value, depth + 1):
                return False
        elif value is not None and _concerns(value):
            return False
    return True


def _makes_functions(function: Function) -> bool:
    stack: list[cst.CSTNode] = [function.node.body]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is cst.FunctionDef or kind is cst.Lambda:
            return True
        if kind is not cst.SimpleStatementLine:
            stack.extend(children(node))
    return False


def _concerns(value: Value) -> bool:
    if isinstance(value, Opaque):
        return value.op is not None or bool(value.reach) or value.parameters or value.optimizer
    if isinstance(value, (Seq, Table)):
        return any(_concerns(item) for item in walk([value]))
    return not isinstance(value, (Const, External, Periodic))
