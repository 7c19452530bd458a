"""One walk over a file: which functions matter, and which names stand where.

The walk is our own, over the fields that hold code. libcst's visitors also see every comma and blank, and cost as much
as the parse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import libcst as cst

__all__ = ["Index", "children", "lies_in", "names_in"]

_LAYOUT = (
    "whitespace",
    "lpar",
    "rpar",
    "lbracket",
    "rbracket",
    "lbrace",
    "rbrace",
    "comma",
    "semicolon",
    "leading_lines",
    "lines_after",
    "header",
    "footer",
    "equal",
    "dot",
    "colon",
    "separator",
    "indent",
    "operator",
    "trailing",
    "encoding",
    "default_",
    "has_trailing",
    "asynchronous",
)
# Fields hold nodes, sequences of nodes, or one of these. isinstance(…, cst.CSTNode) is slow: CSTNode is an ABC.
_PLAIN = (type(None), str, bool, cst.MaybeSentinel)
_FIELDS: dict[type[cst.CSTNode], tuple[str, ...]] = {}

# Attributes whose presence makes a piece of code worth executing carefully.
TRIGGERS = frozenset({".backward", ".zero_grad", ".step", ".grad", ".manual_backward", ".optimizer_step", "backward"})


def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(f.name for f in fields(kind) if not f.name.startswith(_LAYOUT))
        _FIELDS[kind] = names
    return names


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes directly below `node` that are code, in the order of the source."""
    for name in _FIELDS.get(type(node)) or _fields(type(node)):
        child = getattr(node, name)
        kind = type(child)
        if kind is list or kind is tuple:
            yield from child
        elif kind not in _PLAIN:
            yield child


def lies_in(inner: cst.CSTNode, outer: cst.CSTNode) -> bool:
    """Whether a node is another one, or a part of it."""
    stack = [outer]
    while stack:
        current = stack.pop()
        if current is inner:
            return True
        stack.extend(children(current))
    return False


def names_in(node: cst.CSTNode) -> set[str]:
    """The identifiers in a subtree; those after a dot with the dot."""
    found: set[str] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        kind = type(current)
        if kind is cst.Name:
            found.add(current.value)  # type: ignore[attr-defined]
        elif kind is cst.Attribute:
            found.add("." + current.attr.value)  # type: ignore[attr-defined]
            stack.append(current.value)  # type: ignore[attr-defined]
        elif kind is not cst.SimpleString:
            for name in _FIELDS.get(kind) or _fields(kind):
                child = getattr(current, name)
                kind_of_child = type(child)
                if kind_of_child is list or kind_of_child is tuple:
                    stack.extend(child)
                elif kind_of_child not in _PLAIN:
                    stack.append(child)
    return found


@dataclass(slots=True, eq=False)
class Known:
    """A function of the file: its class, if it is a method, and the identifiers in it."""

    node: cst.FunctionDef
    cls: cst.ClassDef | None
    nested: bool
    names: set[str]


@dataclass(slots=True)
class Index:
    """What the walk found. `hot` are the identifiers that lead to code which handles gradients."""

    functions: list[Known] = field(default_factory=list)
    classes: list[cst.ClassDef] = field(default_factory=list)
    bare: list[cst.Attribute] = field(default_factory=list)
    modes: list[tuple[cst.BaseExpression, bool]] = field(default_factory=list)
    hot: frozenset[str] = frozenset()
    names: set[str] = field(default_factory=set)
    _hot_nodes: dict[cst.CSTNode, bool] = field(default_factory=dict)
    names_by_node: dict[cst.CSTNode, set[str]] = field(default_factory=dict)

    def is_hot(self, node: cst.CSTNode) -> bool:
        """Whether the subtree may touch gradients, directly or through functions of the file."""
        known = self._hot_nodes.get(node)
        if known is None:
            known = self._hot_nodes[node] = not self.hot.isdisjoint(self.names_of(node))
        return known

    def names_of(self, node: cst.CSTNode) -> set[str]:
        names = self.names_by_node.get(node)
        if names is None:
            names = self.names_by_node[node] = names_in(node)
        return names


def build(module: cst.Module, extra: frozenset[str] = frozenset()) -> Index:
    """Walk a file. `extra` are imported names that are known to handle gradients."""
    index = Index()
    index.names = _visit(module.body, index, None, nested=False)
    hot = set(TRIGGERS | extra)
    while True:
        more = {
            name
            for known in index.functions
            if not hot.isdisjoint(known.names)
            for name in (known.node.name.value, "." + known.node.name.value)
            if name not in hot and known.node.name.value not in ("__init__", "forward", "main")
        }
        if not more:
            break
        hot |= more
    index.hot = frozenset(hot)
    return index


def _is_mode(node: cst.BaseExpression) -> bool:
    """Whether a statement is a call like `torch.no_grad()`."""
    if type(node) is not cst.Call or node.args or type(node.func) is not cst.Attribute:
        return False
    return node.func.attr.value in ("no_grad", "inference_mode", "enable_grad")


def _visit(body: object, index: Index, cls: cst.ClassDef | None, *, nested: bool) -> set[str]:
    found: set[str] = set()
    stack: list[cst.CSTNode] = list(reversed(body))  # type: ignore[call-overload]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is cst.Name:
            found.add(node.value)  # type: ignore[attr-defined]
        elif kind is cst.Attribute:
            found.add("." + node.attr.value)  # type: ignore[attr-defined]
            stack.append(node.value)  # type: ignore[attr-defined]
        elif kind is cst.FunctionDef:
            assert isinstance(node, cst.FunctionDef)
            names = _visit([node.params, *node.decorators, node.body], index, None, nested=True)
            index.functions.append(Known(node, cls, nested, names))
            index.names_by_node[node] = names
            found |= names
        elif kind is cst.ClassDef:
            assert isinstance(node, cst.ClassDef)
            index.classes.append(node)
            found |= _visit([node.body, *node.bases], index, node, nested=nested)
        elif kind is cst.Expr and type(node.value) is cst.Attribute:  # type: ignore[attr-defined]
            index.bare.append(node.value)  # type: ignore[attr-defined]
            stack.append(node.value)  # type: ignore[attr-defined]
        elif kind is cst.Expr and _is_mode(node.value):  # type: ignore[attr-defined]
            index.modes.append((node.value, False))  # type: ignore[attr-defined]
            stack.append(node.value)  # type: ignore[attr-defined]
        elif kind is cst.With:
            assert isinstance(node, cst.With)
            index.modes.extend((item.item, True) for item in node.items if type(item.item) is cst.Attribute)
            stack.append(node.body)
            stack.extend(node.items)
        elif kind is not cst.SimpleString:
            for name in _FIELDS.get(kind) or _fields(kind):
                child = getattr(node, name)
                kind_of_child = type(child)
                if kind_of_child is list or kind_of_child is tuple:
                    stack.extend(child)
                elif kind_of_child not in _PLAIN:
                    stack.append(child)
    return found
