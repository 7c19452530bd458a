"""Methods of lists, sets, tuples and dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import expressions, keeping, objects, syntax
from gradguard.static.values import (
    NONE,
    Arguments,
    Const,
    Opaque,
    Seq,
    Table,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter


def seq_method(it: Interpreter, seq: Seq, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if it.trace.guesses and isinstance(first, Tensor) and first.owners and first.owners != (first,):
        first.partial = True
    if name in ("append", "extend", "insert", "add", "appendleft") and arguments.positional:
        held = _receiver(node)
        keeping.put(it, seq, arguments.positional[-1], node, others=seq.items, name=held)
    elif name in ("pop", "popleft", "clear", "remove"):
        keeping.emptied(it, seq)
    if name in ("append", "appendleft") and first is not None:
        if len(seq.items) < 64:
            seq.items.append(first)
        else:
            seq.exact = False
    elif name in ("extend", "update", "add") and first is not None:
        spread = expressions.spread_out(objects.consumed(it, first)) if name != "add" else [first]
        if spread is None:
            seq.exact = False
            spread = list(first.items) if isinstance(first, Seq) else [Opaque(refs=(first,))]
        seq.items.extend(spread)
    elif name == "insert" and len(arguments.positional) == 2:
        seq.items.insert(0, arguments.positional[1])
    elif name == "clear":
        seq.items.clear()
        seq.exact = True
    elif name in ("pop", "popleft") and seq.items:
        return seq.items.pop(0 if name == "popleft" else -1)
    elif name == "copy":
        return Seq(list(seq.items), seq.exact, seq.kind)
    elif name in ("remove", "sort", "reverse"):
        seq.exact = seq.exact and name != "remove"
    elif name in ("index", "count"):
        return Opaque(name)
    return NONE


def table_method(it: Interpreter, table: Table, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    first = arguments.get(0)
    if name == "values":
        return Seq(list(table.items.values()), table.exact)
    if name == "keys":
        return Seq([_key(key) for key in table.items], table.exact)
    if name == "items":
        return Seq([Seq([_key(key), value], kind="tuple") for key, value in table.items.items()], table.exact)
    if name in ("get", "pop", "setdefault") and isinstance(first, Const):
        try:
            found = table.items.get(first.value)
        except TypeError:
            found = None
        if found is not None:
            if name == "pop":
                del table.items[first.value]
            return found
        default = arguments.get(1)
        if name == "pop":
            keeping.emptied(it, table)
        if name == "setdefault" and default is not None:
            table.items[first.value] = default
        if table.exact:
            return default if default is not None else NONE
        return Opaque(str(first.value))
    if name == "update" and isinstance(first, Table):
        table.items.update(first.items)
        table.exact = table.exact and first.exact
        return NONE
    if name == "copy":
        return Table(dict(table.items), table.exact)
    if name == "clear":
        keeping.emptied(it, table)
        table.items.clear()
    return Opaque(name, refs=tuple(table.items.values()))


def _receiver(node: cst.CSTNode) -> str:
    return syntax.text(node.func.value) if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else ""


def _key(key: object) -> Value:
    return Opaque("key") if isinstance(key, tuple) else Const(key)
