"""Which attributes of an object its methods change, read from the text of its class."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.static.index import children
from gradguard.static.values import Class, Const, Instance, Opaque, Seq, Table, Value

__all__ = ["assigns", "forget_what_others_change"]

_TARGETED = frozenset({cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del})
_CHANGING = frozenset("append extend insert add update pop popitem clear remove setdefault appendleft".split())


def forget_what_others_change(made: Instance, cls: Class, entry: cst.FunctionDef) -> None:
    """An object that other files drive: what methods besides `entry` change is no longer as `__init__` left it.

    Only flags, None and empty containers are forgotten: they say that something has not happened yet. A number may be a
    counter, whose first turns are worth following.
    """
    for base in cls.lineage():
        for name in _changed(base, entry):
            value = made.attributes.get(name)
            if value is not None and _says_not_yet(value):
                made.attributes[name] = Opaque(name, stable=True)


def assigns(node: cst.CSTNode, name: str) -> bool:
    """Whether an attribute of this name is assigned somewhere below a node: `p.grad = None`."""
    stack = [node]
    while stack:
        current = stack.pop()
        if type(current) is cst.AssignTarget:
            target = current.target
            if type(target) is cst.Attribute and target.attr.value == name:
                return True
        stack.extend(children(current))
    return False


def _says_not_yet(value: Value) -> bool:
    if isinstance(value, Const):
        return value.value is None or isinstance(value.value, bool)
    return isinstance(value, (Seq, Table)) and value.exact and not value.items


def _changed(cls: Class, entry: cst.FunctionDef) -> frozenset[str]:
    """The attributes that methods of one class assign or fill, `__init__` and `entry` left out."""
    found: set[str] = set()
    known = cls.file.changed
    for line in cls.node.body.body:
        if isinstance(line, cst.FunctionDef) and line is not entry and line.name.value != "__init__":
            names = known.get(line)
            if names is None:
                names = known[line] = frozenset(_changed_in(line))
            found |= names
    return frozenset(found)


def _changed_in(method: cst.FunctionDef) -> Iterator[str]:
    parameters = (*method.params.posonly_params, *method.params.params)
    if not parameters:
        return
    receiver = parameters[0].name.value
    stack: list[cst.CSTNode] = [method.body]
    while stack:
        node = stack.pop()
        kind = type(node)  # isinstance is slow: nodes are ABCs
        target: cst.CSTNode | None = None
        if kind in _TARGETED:
            target = node.target  # type: ignore[attr-defined]
        elif kind is cst.Call:
            func = node.func  # type: ignore[attr-defined]
            if type(func) is cst.Attribute and func.attr.value in _CHANGING:
                target = func.value
        if target is not None:
            targets = [e.value for e in target.elements] if isinstance(target, (cst.Tuple, cst.List)) else [target]
            for written in targets:
                each = written.value if type(written) is cst.Subscript else written
                if type(each) is cst.Attribute and type(each.value) is cst.Name and each.value.value == receiver:
                    yield each.attr.value
        stack.extend(children(node))
