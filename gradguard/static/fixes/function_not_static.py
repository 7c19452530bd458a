"""Make a custom Function's methods static, and apply it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Edit, Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_METHODS = frozenset({"forward", "backward", "setup_context", "jvp"})


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`@staticmethod` above the methods, `self` called `ctx` in them, `Double.apply` for `Double()`.

    A Function with a constructor is left alone: what it keeps has to become arguments.
    """
    name = report.facts.get("function", "")
    made = [node for node in _nodes(code) if isinstance(node, cst.ClassDef) and node.name.value == name]
    if len(made) != 1 or not isinstance(made[0].body, cst.IndentedBlock):
        return
    methods = [node for node in made[0].body.body if isinstance(node, cst.FunctionDef)]
    if any(method.name.value not in _METHODS for method in methods):
        return
    edits: list[Edit] = []
    for method in methods:
        if not method.decorators:
            edits += [code.insert_lines(method, ["@staticmethod"]), *_with_context(method, code)]
    for node in _nodes(code):
        if isinstance(node, cst.Call) and not node.args and code.text(node.func) == name:
            if isinstance(code.parent(node), cst.Attribute):
                return
            edits.append(code.cut(code.positions[node.func].end, code.positions[node].end, ".apply"))
    if edits:
        yield Fix(f"make `{name}` static and call `{name}.apply`", tuple(edits), safe=False)


def _with_context(method: cst.FunctionDef, code: Code) -> Iterator[Edit]:
    """The first parameter under its usual name, unless that is taken."""
    names = [node for node in _below(method) if isinstance(node, cst.Name)]
    if not any(name.value == "ctx" for name in names):
        for name in names:
            if name.value == "self" and not _is_attribute(name, code):
                yield code.replace(name, "ctx")


def _is_attribute(name: cst.Name, code: Code) -> bool:
    above = code.parent(name)
    return (isinstance(above, cst.Attribute) and above.attr is name) or (
        isinstance(above, cst.Arg) and above.keyword is name
    )


def _nodes(code: Code) -> Iterator[cst.CSTNode]:
    yield from _below(code.file.module)


def _below(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    queue: list[cst.CSTNode] = [node]
    for found in queue:
        yield found
        queue += found.children
