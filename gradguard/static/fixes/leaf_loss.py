"""Take away what makes the loss a leaf, and what had cut it off."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Edit, Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.graph import argument, below_cuts, is_sequence, kept

__all__ = ["fixes"]

_WRITTEN_OUT = frozenset({"detach", "data", "number", "rewrap"})


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    statement = code.statement_at(report.site)
    if report.facts.get("lost_by") not in _WRITTEN_OUT or statement is None or len(statement.body) != 1:
        return
    edits = _without_leaf(code, statement, code.node(report.site))
    if edits is None:
        return
    title = "compute the loss with its graph"
    where = code.noted(report, 1)[0] if report.facts.get("elsewhere") else report.site
    if code.statement_at(where) is statement:
        yield Fix(title, tuple(edits), safe=False)
    elif cut := kept(code, code.node(where)):
        yield Fix(title, (*cut, *edits), safe=False)


def _without_leaf(code: Code, statement: cst.SimpleStatementLine, site: cst.CSTNode | None) -> list[Edit] | None:
    only = statement.body[0]
    if isinstance(only, cst.Assign) and _is(only.targets[0].target, "requires_grad"):
        return [code.delete(statement)]
    value = only.value if isinstance(only, (cst.Assign, cst.Expr, cst.Return)) else None
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and _is(value.func, "requires_grad_"):
        if isinstance(only, cst.Expr):
            return [code.delete(statement)]
        inner = below_cuts(value.func.value)
        return _replaced(code, statement, value, inner)
    if isinstance(site, cst.Call) and argument(site, "requires_grad") is not None and len(site.args) == 2:
        inner = below_cuts(site.args[0].value)
        if site is value and not is_sequence(inner, code):
            return _replaced(code, statement, site, inner)
        return kept(code, site)
    return None


def _replaced(
    code: Code, statement: cst.SimpleStatementLine, value: cst.Call, inner: cst.BaseExpression
) -> list[Edit] | None:
    """What is assigned without its wrapping; nothing at all if it would be assigned to itself."""
    only = statement.body[0]
    text = code.text(inner)
    if isinstance(only, cst.Assign) and [code.text(target.target) for target in only.targets] == [text]:
        return [code.delete(statement)]
    return None if "#" in code.text(value) else [code.replace(value, text)]


def _is(node: cst.CSTNode, *names: str) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value in names
