"""Short texts of expressions: names for messages, and the dotted names of imports."""

from __future__ import annotations

import libcst as cst

__all__ = ["dotted", "text"]


def text(node: cst.CSTNode) -> str:
    """A short source text of a name-like expression: `self.opt_g`, `opts[0]`, `m()`; "" for anything longer."""
    if type(node) is cst.Name:
        return node.value
    if type(node) is cst.Attribute:
        inner = text(node.value)
        return f"{inner}.{node.attr.value}" if inner else ""
    if type(node) is cst.Subscript and len(node.slice) == 1:
        inner, key = text(node.value), node.slice[0].slice
        if inner and type(key) is cst.Index:
            if isinstance(key.value, (cst.SimpleString, cst.Integer, cst.Name)):
                return f"{inner}[{key.value.value}]"
            return f"{inner}[…]"
        return inner
    if type(node) is cst.Call:
        inner = text(node.func)
        return f"{inner}(…)" if inner else ""
    return ""


def dotted(node: cst.BaseExpression) -> str:
    if type(node) is cst.Attribute:
        return f"{dotted(node.value)}.{node.attr.value}"
    return node.value if type(node) is cst.Name else ""
