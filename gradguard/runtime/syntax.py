"""What a backward search over source text needs to read: bindings, returns, arguments, enclosing `with` statements."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from gradguard.runtime.sites import SourceLine, parsed

__all__ = [
    "attribute_bindings",
    "bindings",
    "frozen_at",
    "is_method",
    "is_parameter",
    "is_second",
    "is_true",
    "last_name",
    "matched",
    "parameters_of",
    "parts",
    "place_of",
    "positions",
    "released",
    "returns",
    "short",
    "with_blocks",
]


def place_of(path: str, node: ast.AST) -> SourceLine:
    assert isinstance(node, (ast.stmt, ast.expr))
    return SourceLine(
        path, node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    )


def with_blocks(tree: ast.AST | None, line: int) -> list[ast.With | ast.AsyncWith]:
    """The `with` statements around a line, the outermost first."""
    if tree is None:
        return []
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.With, ast.AsyncWith)) and node.body[0].lineno <= line <= (node.end_lineno or 0)
    ]


def parts(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        yield node.elt
        for generator in node.generators:
            yield generator.iter
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child


def bindings(tree: ast.AST, name: ast.Name) -> Iterator[tuple[ast.stmt, ast.expr, bool]]:
    """What is bound to a name in a function, or put into the list of that name; whether it is the second of two."""
    for node in _own_statements(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            if node.value is None:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                base = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(base, ast.Name) and base.id == name.id:
                    yield node, node.value, False
                elif isinstance(target, (ast.Tuple, ast.List)):
                    yield from _unpacked(node, target, node.value, name)
        elif isinstance(node, (ast.For, ast.AsyncFor)) and name.id in _names(node.target):
            yield node, node.iter, False
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if (
                isinstance(call.func, ast.Attribute)
                and call.func.attr in ("append", "extend", "add_", "insert")
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == name.id
                and call.args
            ):
                yield node, call.args[-1], False


def _unpacked(
    node: ast.stmt, target: ast.Tuple | ast.List, value: ast.expr, name: ast.Name
) -> Iterator[tuple[ast.stmt, ast.expr, bool]]:
    for position, element in enumerate(target.elts):
        if isinstance(element, ast.Name) and element.id == name.id:
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                yield node, value.elts[position], False
            else:
                yield node, value, position == 1 and len(target.elts) == 2


def attribute_bindings(tree: ast.AST, attribute: ast.Attribute) -> Iterator[tuple[ast.stmt, ast.expr]]:
    text = ast.unparse(attribute)
    for node in _own_statements(tree):
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == text for target in node.targets):
            yield node, node.value


def released(tree: ast.AST, name: ast.Name) -> Iterator[tuple[ast.stmt, str]]:
    """`name.requires_grad = True` and `name.requires_grad_()` as statements."""
    for node in _own_statements(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute) and is_true(node.value):
            target = node.targets[0]
            if target.attr == "requires_grad" and isinstance(target.value, ast.Name) and target.value.id == name.id:
                yield node, ".requires_grad = True"
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            if (
                isinstance(function, ast.Attribute)
                and function.attr == "requires_grad_"
                and isinstance(function.value, ast.Name)
                and function.value.id == name.id
                and (not node.value.args or is_true(node.value.args[0]))
            ):
                yield node, ".requires_grad_()"


@functools.lru_cache(maxsize=256)
def _own_statements(tree: ast.AST) -> tuple[ast.stmt, ...]:
    """The statements of a function or module, without those of the functions and classes in it."""
    found: list[ast.stmt] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt) and node is not tree:
            found.append(node)
        if node is tree or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))
    return tuple(found)


def returns(tree: ast.AST) -> list[ast.Return]:
    return [node for node in _own_statements(tree) if isinstance(node, ast.Return) and node.value is not None]


def parameters_of(tree: ast.AST) -> list[str]:
    arguments = getattr(tree, "args", None)
    if not isinstance(arguments, ast.arguments):
        return []
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]


def is_parameter(tree: ast.AST, name: str) -> bool:
    arguments = getattr(tree, "args", None)
    return isinstance(arguments, ast.arguments) and (
        name in parameters_of(tree) or any(argument.arg == name for argument in arguments.kwonlyargs)
    )


def is_method(tree: ast.AST) -> bool:
    return parameters_of(tree)[:1] in (["self"], ["cls"])


def matched(tree: ast.AST, call: ast.Call, *, bound: bool) -> dict[str, ast.expr]:
    """The arguments of a call by the names of the parameters."""
    names = parameters_of(tree)[1 if bound else 0 :]
    given = {
        name: argument
        for name, argument in zip(names, call.args, strict=False)
        if not isinstance(argument, ast.Starred)
    }
    given.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None})
    return given


def frozen_at(path: str) -> ast.stmt | None:
    """The one statement of a file that freezes parameters."""
    found = [
        node
        for node in ast.walk(parsed(path) or ast.Module([], []))
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Attribute)
            and node.targets[0].attr == "requires_grad"
            and isinstance(node.value, ast.Constant)
            and node.value.value is False
        )
        or (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and last_name(node.value.func) == "requires_grad_"
            and bool(node.value.args)
            and isinstance(node.value.args[0], ast.Constant)
            and node.value.args[0].value is False
        )
    ]
    return found[0] if len(found) == 1 else None


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def is_second(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.Constant) and node.slice.value == 1


def positions(call: ast.Call) -> str:
    return f"the positions that `{last_name(call.func)}` returns"


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}…"
