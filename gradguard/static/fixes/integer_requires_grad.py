"""Make a tensor of floating point numbers where its own numbers are written out."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_MAKERS = frozenset({"tensor", "as_tensor", "arange", "full"})


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`torch.tensor([1, 2])` becomes `torch.tensor([1.0, 2.0])`. Whose dtype was chosen is left alone."""
    node = code.node(report.site)
    call = _maker(node) or _made_above(node, code)
    if call is None or any(arg.keyword is not None and arg.keyword.value == "dtype" for arg in call.args):
        return
    assert isinstance(call.func, (cst.Attribute, cst.Name))
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else call.func.value
    numbers = _numbers(call.args[0].value) if name in ("tensor", "as_tensor") and call.args else None
    if numbers:
        edits = tuple(code.append(number, ".0") for number in numbers)
        yield Fix("write the numbers with a point", edits, safe=False)
        return
    torch = code.name_of("torch")
    if torch is not None and call.args:
        last = call.args[-1]
        edit = code.append(last, f", dtype={torch}.float32")
        yield Fix("make it a tensor of floating point numbers", (edit,), safe=False)


def _maker(node: cst.CSTNode | None) -> cst.Call | None:
    """The call that makes the tensor, in an expression."""
    if not isinstance(node, cst.Call):
        return None
    name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    if isinstance(name, cst.Name) and name.value in _MAKERS:
        return node
    if isinstance(node.func, cst.Attribute) and node.func.attr.value == "requires_grad_":
        return _maker(node.func.value)
    return _maker(node.args[0].value) if node.args else None


def _made_above(node: cst.CSTNode | None, code: Code) -> cst.Call | None:
    """The call in the last assignment to the name above in the same block."""
    statement = None if node is None else code.statement(node)
    if statement is None or len(statement.body) != 1:
        return None
    only = statement.body[0]
    holder: cst.CSTNode | None = None
    if isinstance(only, cst.Assign) and isinstance(only.targets[0].target, cst.Attribute):
        holder = only.targets[0].target.value
    elif isinstance(only, cst.Expr) and isinstance(only.value, cst.Call) and isinstance(only.value.func, cst.Attribute):
        holder = only.value.func.value
    block = list(code.siblings(statement))
    if not isinstance(holder, cst.Name) or statement not in block:
        return None
    for line in reversed(block[: block.index(statement)]):
        made = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
        if isinstance(made, cst.Assign) and any(code.text(target.target) == holder.value for target in made.targets):
            return _maker(made.value)
    return None


def _numbers(node: cst.BaseExpression) -> list[cst.Integer] | None:
    """The decimal integers that a display is made of; None if there is anything else in it."""
    if isinstance(node, cst.Integer):
        return [node] if node.value.isdecimal() else None
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, (cst.Minus, cst.Plus)):
        return _numbers(node.expression)
    if not isinstance(node, (cst.List, cst.Tuple)):
        return None
    found: list[cst.Integer] = []
    for element in node.elements:
        numbers = None if isinstance(element, cst.StarredElement) else _numbers(element.value)
        if numbers is None:
            return None
        found += numbers
    return found
