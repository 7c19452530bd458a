"""Update the parameter in place instead of binding its name to the result."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.under_no_grad import wrapped

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`w = w - lr * w.grad` becomes `w -= lr * w.grad`, what is less plain `w.copy_(…)`, and all under `no_grad`."""
    statement = code.statement_at(report.site)
    if statement is None:
        return

    def rewritten(line: cst.SimpleStatementLine) -> tuple[list[str], list[str]] | None:
        return _in_place(line, code)

    if rewritten(statement) is not None:
        yield from wrapped(code, statement, rewritten, "update in place under `torch.no_grad()`")


def _in_place(line: cst.SimpleStatementLine, code: Code) -> tuple[list[str], list[str]] | None:
    if len(line.body) != 1 or not isinstance(line.body[0], cst.Assign) or len(line.body[0].targets) != 1:
        return None
    target, value = line.body[0].targets[0].target, line.body[0].value
    pairs: list[tuple[cst.CSTNode, cst.BaseExpression]] = [(target, value)]
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        pairs = [(left.value, right.value) for left, right in zip(target.elements, value.elements, strict=True)]
    lines = [_update(code.text(name), new, code) for name, new in pairs]
    if any(not update for update in lines):
        return None
    return lines, [code.text(name) for name, _ in pairs]


def _update(name: str, value: cst.BaseExpression, code: Code) -> str:
    if f"{name}.grad" not in code.text(value):
        return ""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, (cst.Add, cst.Subtract)):
        if code.text(value.left) in (name, f"{name}.data", f"{name}.detach()"):
            sign = "+" if isinstance(value.operator, cst.Add) else "-"
            right = code.text(value.right).removesuffix(".grad.data")
            return f"{name} {sign}= {code.text(value.right) if right == code.text(value.right) else right + '.grad'}"
    return f"{name}.copy_({code.text(value)})"
