"""Keep the graph where it is cut off in so many words."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.graph import below_cuts, kept

__all__ = ["fixes"]

_WRITTEN_OUT = frozenset({"detach", "data", "number", "rewrap"})


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Without the `.detach()`, `.data`, `.item()` or new tensor. What argmax cuts off needs another formula."""
    if report.facts.get("lost_by") not in _WRITTEN_OUT:
        return
    cut = report.site if report.key in ("term", "cut off") else code.noted(report, 1)[0]
    edits = kept(code, code.node(cut))
    statement = code.statement_at(cut)
    if statement is not None and len(statement.body) == 1 and _is_all(statement.body[0], code):
        edits = [code.delete(statement)]
    if edits:
        yield Fix("keep the graph", tuple(edits), safe=False)


def _is_all(statement: cst.BaseSmallStatement, code: Code) -> bool:
    """Whether a statement does nothing but cut off what it assigns: `h = h.detach()`."""
    if not isinstance(statement, cst.Assign):
        return False
    kept_value = code.text(below_cuts(statement.value))
    return [code.text(target.target) for target in statement.targets] == [kept_value]
