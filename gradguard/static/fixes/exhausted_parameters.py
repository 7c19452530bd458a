"""Keep the parameters in a list."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`list(…)` around the one expression that the name is bound to.

    Safe for `model.parameters()` itself. A condition may be meant to be looked at later, when it is run through.
    """
    name = report.facts.get("name", "")
    bound = [value for target, value in _assignments(code) if code.text(target) == name]
    if not name or len(bound) != 1:
        return
    value = bound[0]
    plain = isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and not value.args
    if not isinstance(value, (cst.Call, cst.GeneratorExp)):
        return
    before, after = ("list", "") if isinstance(value, cst.GeneratorExp) else ("list(", ")")
    yield Fix("keep a list of the parameters", tuple(code.around(value, before, after)), safe=plain)


def _assignments(code: Code) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    queue: list[cst.CSTNode] = [code.file.module]
    for node in queue:
        if isinstance(node, cst.Assign):
            for target in node.targets:
                yield target.target, node.value
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)) and node.value is not None:
            yield node.target, node.value
        elif not isinstance(node, cst.BaseExpression):
            queue += node.children
