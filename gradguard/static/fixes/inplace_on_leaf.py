"""Change a leaf where torch allows it: under `torch.no_grad()`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.under_no_grad import wrapped

__all__ = ["fixes"]

_PARAMETER = re.compile(r"\.(?:weight|bias)\b")
_UPDATED = re.compile(r"(?P<name>[\w.\[\]'\"]+?)(?:\s*[-+*/]=|\.\w+_\()")


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Only for an update along the gradient, and for a change of weights.

    Through any other change, a gradient may be meant to flow.
    """
    statement = code.statement_at(report.site)
    if statement is None or len(statement.body) != 1:
        return
    if report.facts.get("update"):
        yield from wrapped(code, statement, lambda line: _update(line, code), "update under `torch.no_grad()`")
    elif _is_change(statement) and (_PARAMETER.search(code.text(statement)) or _runs_over_parameters(code, statement)):
        yield from wrapped(
            code,
            statement,
            lambda line: ([code.text(line.body[0])], []) if line is statement else None,
            "change the weights under `torch.no_grad()`",
        )


def _is_change(statement: cst.SimpleStatementLine) -> bool:
    """`w.fill_(0)`, `w *= 2`, `w[0] = 1`."""
    only = statement.body[0]
    if isinstance(only, cst.Assign):
        return all(isinstance(target.target, cst.Subscript) for target in only.targets)
    return isinstance(only, cst.AugAssign) or (isinstance(only, cst.Expr) and isinstance(only.value, cst.Call))


def _update(line: cst.SimpleStatementLine, code: Code) -> tuple[list[str], list[str]] | None:
    if len(line.body) != 1 or not _is_change(line):
        return None
    text = code.text(line.body[0])
    match = _UPDATED.match(text)
    if match is None or f"{match['name']}.grad" not in text:
        return None
    return [text], [match["name"]]


def _runs_over_parameters(code: Code, statement: cst.SimpleStatementLine) -> bool:
    loop = next(code.loops(statement), None)
    return isinstance(loop, cst.For) and "parameters()" in code.text(loop.iter)
