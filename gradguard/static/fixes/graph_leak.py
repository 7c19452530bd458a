"""Keep the value without its graph."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_NAME = re.compile(r"[\w.]+")


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """A number where one is surely meant, else a tensor without a graph, with which all goes on as before."""
    value, holder = report.facts.get("value", ""), report.facts.get("holder", "")
    statement = code.statement_at(report.site)
    if not _NAME.fullmatch(value) or statement is None or len(statement.body) > 1:
        return
    places = [node for node in _added(statement.body[0]) if code.text(node) == value]
    if len(places) != 1:
        return
    number = isinstance(statement.body[0], cst.AugAssign) and _is_number(value, holder, code)
    for call in (".item()", ".detach()") if number else (".detach()",):
        yield Fix(f"use `{value}{call}`", (code.append(places[0], call),), safe=True)


def _added(statement: cst.BaseSmallStatement) -> Iterator[cst.CSTNode]:
    """The names on the right side, or among the arguments of the call."""
    queue: list[cst.CSTNode] = []
    if isinstance(statement, (cst.Assign, cst.AugAssign)):
        queue = [statement.value]
    elif isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
        queue = [arg.value for arg in statement.value.args]
    for node in queue:
        if isinstance(node, (cst.Name, cst.Attribute)):
            yield node
        elif not isinstance(node, cst.Lambda):
            queue.extend(node.children)


def _is_number(value: str, holder: str, code: Code) -> bool:
    """Whether the value has one element, and the sum is never used as a tensor."""
    text = code.file.source.text
    return (
        re.search(rf"(?<![\w.]){re.escape(value)}\.(?:backward|item)\(", text) is not None
        and bool(holder)
        and re.search(rf"(?<![\w.]){re.escape(holder)}\.", text) is None
    )
