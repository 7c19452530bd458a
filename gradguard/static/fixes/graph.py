"""Edits that give a value its graph back, and that leave an argument out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Edit
from gradguard.static.fixes.code import Code

__all__ = ["argument", "below_cuts", "is_sequence", "kept", "without"]

_CUTS = frozenset({"detach", "detach_", "item", "data"})
_OPTIONS = frozenset({"requires_grad", "dtype", "device"})
_COPIES = frozenset({"tensor", "as_tensor", "Tensor", "FloatTensor", "Variable", "float", "asarray"})


def kept(code: Code, node: cst.CSTNode | None) -> list[Edit] | None:
    """Edits after which an expression keeps the graph that it cuts off: `x.detach()`, `x.item()`, `torch.tensor(x)`.

    Only for what is written right there, as one such call or attribute in the expression.
    """
    if node is None:
        return None
    found = [below for below in _expressions(node) if _cut(below) is not None]
    if len(found) != 1:
        return None
    cut = found[0]
    inner = _cut(cut)
    assert inner is not None
    if code.text(cut).count("#") != code.text(inner).count("#"):
        return None  # a comment would go
    if not isinstance(cut, cst.Call) or not cut.args:
        return code.behind(inner, cut)
    if is_sequence(inner, code):
        torch = code.name_of("torch")
        if torch is None:
            return None
        return [code.replace(cut.func, f"{torch}.stack"), *code.behind(cut.args[0], cut, ")")]
    if isinstance(inner, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) and not inner.lpar:
        return [code.replace(cut, code.text(inner))]
    return None


def _cut(node: cst.CSTNode) -> cst.BaseExpression | None:
    """What is cut off by an expression, if that is all that it does."""
    if isinstance(node, cst.Attribute) and node.attr.value == "data":
        return node.value
    if not isinstance(node, cst.Call):
        return None
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in _CUTS and not node.args:
        return node.func.value
    name = node.func.attr.value if isinstance(node.func, cst.Attribute) else None
    name = node.func.value if isinstance(node.func, cst.Name) else name
    if name not in _COPIES or not node.args or node.args[0].keyword is not None or node.args[0].star:
        return None
    if any(arg.keyword is None or arg.keyword.value not in _OPTIONS for arg in node.args[1:]):
        return None
    return node.args[0].value


def below_cuts(node: cst.BaseExpression) -> cst.BaseExpression:
    """What an expression like `loss.detach().clone()` is made of."""
    while True:
        if isinstance(node, cst.Attribute) and node.attr.value == "data":
            node = node.value
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
            if node.func.attr.value not in ("detach", "item", "clone"):
                return node
            node = node.func.value
        elif isinstance(node, cst.Call) and (inner := _cut(node)) is not None and not is_list_display(inner):
            node = inner
        else:
            return node


def is_list_display(node: cst.BaseExpression) -> bool:
    return isinstance(node, (cst.List, cst.Tuple, cst.ListComp))


def _expressions(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The expressions in a node. An attribute that is called is a part of its call."""
    queue: list[cst.CSTNode] = [node]
    for found in queue:
        yield found
        if isinstance(found, cst.Call) and isinstance(found.func, cst.Attribute):
            queue += [found.func.value, *found.args]
        elif not isinstance(found, cst.Lambda):
            queue += found.children


def is_sequence(node: cst.BaseExpression, code: Code) -> bool:
    if is_list_display(node):
        return True
    text = re.escape(code.text(node))
    return isinstance(node, (cst.Name, cst.Attribute)) and bool(
        re.search(rf"(?<![\w.]){text}(?:\.append\(|\s*(?::[^=\n]+)?=\s*\[)", code.file.source.text)
    )


def argument(call: cst.CSTNode | None, keyword: str) -> cst.Arg | None:
    """The argument of a call with this keyword."""
    if not isinstance(call, cst.Call):
        return None
    return next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == keyword), None)


def without(code: Code, call: cst.CSTNode | None, *keywords: str) -> Edit | None:
    """Leave arguments out of a call: those that stand side by side at the end of its list, or the first ones."""
    if not isinstance(call, cst.Call):
        return None
    dropped = [arg for arg in call.args if arg.keyword is not None and arg.keyword.value in keywords]
    if not dropped:
        return None
    first, last = call.args.index(dropped[0]), call.args.index(dropped[-1])
    if last - first + 1 != len(dropped):
        return None
    start, end = code.positions[dropped[0]].start, code.positions[dropped[-1]].end
    if last + 1 < len(call.args):
        end = code.positions[call.args[last + 1]].start
    elif first:
        start = code.positions[call.args[first - 1]].end
    edit = code.cut(start, end)
    return None if "#" in code.between(start, end) else edit
