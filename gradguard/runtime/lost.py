"""Updates that come to nothing, as the source text has them: a name is bound to the new value, and then forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from gradguard.runtime.syntax import last_name, parameters_of

__all__ = ["Lost", "lost_updates", "rebound_from_itself", "tensors_given"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Lost(NamedTuple):
    """A statement that binds `name`, the variable of a loop or else an argument, to its update; nothing reads it."""

    statement: ast.Assign
    name: str
    of_loop: bool


def lost_updates(function: ast.AST) -> Iterator[Lost]:
    """Those of a function or a module, without the functions in it."""
    body = getattr(function, "body", None)
    if not isinstance(body, list):
        return
    arguments = set(parameters_of(function))
    yield from _lost_in(body, arguments, of_loop=False)
    for loop in _own(body, into_loops=True):
        if isinstance(loop, (ast.For, ast.AsyncFor)):
            yield from _lost_in(loop.body, _names(loop.target), of_loop=True)


def _lost_in(body: list[ast.stmt], names: set[str], *, of_loop: bool) -> Iterator[Lost]:
    """Statements of the body itself, not of the loops in it: these read the name in their next turn."""
    for node in _own(body, into_loops=False):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in names and _updates(node, name, body) and not _is_read_after(body, node, name):
                yield Lost(node, name, of_loop)


def _own(body: list[ast.stmt], *, into_loops: bool) -> Iterator[ast.stmt]:
    """The statements in the order of the text."""
    for node in body:
        yield node
        if isinstance(node, _FUNCTIONS) or (isinstance(node, _LOOPS) and not into_loops):
            continue
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(node, field, None)
            if isinstance(inner, list):
                yield from _own(inner, into_loops=into_loops)
        for handler in getattr(node, "handlers", ()):
            yield from _own(handler.body, into_loops=into_loops)


def _updates(statement: ast.Assign, name: str, body: list[ast.stmt]) -> bool:
    """Whether the value is computed from the name and its gradient, which may have come by a name of its own."""
    value = statement.value
    if name not in _names(value, bare=True) or not _reads_gradient(value, name, body, 3):
        return False
    return not any(_may_write(part, name) for part in ast.walk(value) if isinstance(part, ast.Call))


def _may_write(call: ast.Call, name: str) -> bool:
    """Whether a call may change the tensor in place: `p.sub_(…)`, `out=p`, or a function of the program given `p`."""
    function = call.func
    if last_name(function).endswith("_") or any(keyword.arg == "out" for keyword in call.keywords):
        return True
    base: ast.AST = function
    while isinstance(base, (ast.Attribute, ast.Call, ast.Subscript, ast.BinOp)):
        base = base.left if isinstance(base, ast.BinOp) else base.func if isinstance(base, ast.Call) else base.value
    if isinstance(base, ast.Name) and base.id in (name, "torch", "F", "nn"):
        return False
    return any(name in _names(argument, bare=True) for argument in [*call.args, *(k.value for k in call.keywords)])


def _reads_gradient(value: ast.AST, name: str, body: list[ast.stmt], depth: int) -> bool:
    for part in ast.walk(value):
        if isinstance(part, ast.Attribute) and part.attr == "grad":
            if isinstance(part.value, ast.Name) and part.value.id == name:
                return True
    if not depth:
        return False
    others = _names(value) - {name}
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in others for target in node.targets)
        and _reads_gradient(node.value, name, body, depth - 1)
        for node in _own(body, into_loops=False)
    )


def _is_read_after(body: list[ast.stmt], statement: ast.Assign, name: str) -> bool:
    """Whether the name stands anywhere behind the statement, or in a function that may run at any time."""
    behind = False
    for node in _in_order(body):
        if node is statement:
            behind = True
        elif isinstance(node, _FUNCTIONS):
            if name in _names(node):
                return True
        elif behind and isinstance(node, ast.Name) and node.id == name:
            return True
    return False


def _in_order(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes; what an assignment itself holds comes before it."""
    stack: list[tuple[ast.AST, bool]] = [(node, False) for node in reversed(body)]
    while stack:
        node, is_done = stack.pop()
        if isinstance(node, ast.Assign) and not is_done:
            stack.append((node, True))
        else:
            yield node
        if not is_done:
            stack.extend((child, False) for child in reversed(list(ast.iter_child_nodes(node))))


def _names(node: ast.AST, *, bare: bool = False) -> set[str]:
    """The names in an expression; if `bare`, without those of which only `.grad` or a number like `.shape` is read."""
    beside = {
        id(part.value)
        for part in (ast.walk(node) if bare else ())
        if isinstance(part, ast.Attribute) and part.attr in ("grad", "shape", "device", "dtype")
    }
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and id(part) not in beside}


def tensors_given(tree: ast.AST, optimizer: str) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    """The statements that bind an optimizer of that last name: the target, and the tensors listed in the call."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or not node.value.args:
            continue
        target = node.targets[0]
        if last_name(target) == optimizer and isinstance(node.value.args[0], (ast.List, ast.Tuple)):
            listed: list[ast.expr] = [
                part
                for part in ast.walk(node.value.args[0])
                if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Load)
            ]
            yield target, listed


def rebound_from_itself(tree: ast.AST, tensor: ast.expr) -> ast.Assign | None:
    """The only statement that binds this expression to a value computed from itself: `w = w.clamp(0, 1)`."""
    text = ast.unparse(tensor)
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(ast.unparse(target) == text for target in node.targets)
        and any(type(part) is type(tensor) and ast.unparse(part) == text for part in ast.walk(node.value))
    ]
    return found[0] if len(found) == 1 else None
