"""The statement that fills a sum or a container, found in the source text by the name that holds it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from gradguard.runtime.holders import Holder
from gradguard.runtime.sites import Sites, SourceLine, parsed
from gradguard.runtime.text import place, scope

__all__ = ["is_trimmed", "statement_that_fills"]

_ADDS = frozenset({"append", "appendleft", "extend", "insert", "add", "setdefault", "update"})
_WITHOUT_GRAPH = frozenset({"item", "detach", "tolist", "numpy", "data"})


def statement_that_fills(holder: Holder, sites: Sites) -> tuple[SourceLine, str] | None:
    """Where it stands, and the text of what it adds. None if there is no such statement, or no telling which one."""
    for path, tree in _places(holder, sites):
        found = [(node, value) for node in ast.walk(tree) for value in _fills(node, holder)]
        found = [(node, value) for node, value in found if not _has_no_graph(value)]
        if found:
            looped = {id(inner) for loop in _loops(tree) for inner in ast.walk(loop)}
            found = [pair for pair in found if id(pair[0]) in looped] or found
            node, value = found[0]
            shown = ast.unparse(value)
            assert isinstance(node, ast.stmt)
            return place(path, node), shown if len(shown) <= 40 else ""
    return None


def _has_no_graph(value: ast.expr) -> bool:
    """Whether the text alone says that a value has no graph: `loss.item()`, `out.detach().cpu()`, `float(loss) * 2`."""
    if isinstance(value, ast.Constant):
        return True
    if isinstance(value, ast.BinOp):
        return _has_no_graph(value.left) and _has_no_graph(value.right)
    while isinstance(value, (ast.Call, ast.Attribute)):
        if isinstance(value, ast.Call):
            if isinstance(value.func, ast.Name):
                return value.func.id in ("float", "int", "len", "str")
            value = value.func
        elif value.attr in _WITHOUT_GRAPH:
            return True
        else:
            value = value.value
    return False


def _loops(tree: ast.AST) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.AsyncFor, ast.While)))


def _places(holder: Holder, sites: Sites) -> Iterator[tuple[str, ast.AST]]:
    """Where to look: in the class for an attribute, in the function for a variable; then in all of the user's files."""
    files = sorted(sites.files())
    if holder.owner is not None:
        for path in files:
            tree = parsed(path)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, ast.ClassDef) and node.name == holder.owner.__name__:
                    yield path, node
    elif holder.local:
        function = scope(holder.code)
        if function is not None:
            yield holder.code.co_filename, function
    for path in [holder.code.co_filename, *files]:
        tree = parsed(path)
        if tree is not None and (holder.owner is not None or path == holder.code.co_filename):
            yield path, tree


def _fills(node: ast.AST, holder: Holder) -> Iterator[ast.expr]:
    """The value that a statement adds, if it adds one to the holder."""
    if isinstance(node, ast.AugAssign) and _is(node.target, holder):
        yield node.value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            anew = _is(target, holder) and any(_is(part, holder) for part in ast.walk(node.value))
            inside = not holder.is_sum and isinstance(target, ast.Subscript) and _is(target.value, holder)
            if anew or inside:
                yield node.value
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not holder.is_sum:
        func, arguments = node.value.func, node.value.args
        if isinstance(func, ast.Attribute) and func.attr in _ADDS and arguments and _is(func.value, holder):
            yield arguments[-1]


def _is(node: ast.AST, holder: Holder) -> bool:
    """Whether an expression names the holder, by the last part of its name."""
    if holder.key is not None:
        if not isinstance(node, ast.Subscript):
            return False
        if isinstance(node.slice, ast.Constant) and node.slice.value != holder.key:
            return False
        node = node.value
        if holder.attribute:
            return isinstance(node, ast.Attribute) and node.attr == holder.attribute
        return isinstance(node, ast.Name) and node.id == holder.path.split("[")[0]
    if holder.attribute:
        return isinstance(node, ast.Attribute) and node.attr == holder.attribute
    return isinstance(node, ast.Name) and node.id == holder.path


def is_trimmed(holder: Holder, sites: Sites) -> bool:
    """Whether the source takes items out of the container, so that it stays small."""
    last = re.escape(holder.attribute or holder.path.split("[")[0].rsplit(".", 1)[-1])
    pattern = rf"\b{last}\.(pop|popleft|popitem)\(|\bdel [\w.]*\b{last}\[|\b{last}(\[:\])? = .*\b{last}\["
    for path in {holder.code.co_filename, *(sites.files() if holder.attribute else ())}:
        tree = parsed(path)
        if tree is not None and re.search(pattern, ast.unparse(tree)):
            return True
    return False
