"""Custom autograd Functions of the user: the nodes that they leave in a graph, and their definitions in the source."""

from __future__ import annotations

import ast
import inspect
import weakref
from collections.abc import Hashable
from typing import Any

import torch

from gradguard.runtime import text
from gradguard.runtime.sites import SourceLine, is_users, parsed

__all__ = ["Defined", "class_of", "code_of", "method", "name_site", "return_site"]


class _Functions:
    """The subclasses of Function that are the user's. Kept: in tests there is a watch for each."""

    def __init__(self) -> None:
        self._seen: list[weakref.ref[type]] = []
        self._any = False

    def any_of_the_user(self) -> bool:
        # The classes come in the order in which they were made, and may go in any.
        kinds = torch.autograd.Function.__subclasses__()
        seen = self._seen
        if len(kinds) < len(seen) or any(known() is not kind for known, kind in zip(seen, kinds, strict=False)):
            seen.clear()
            self._any = False
        for kind in kinds[len(seen) :]:
            seen.append(weakref.ref(kind))
            self._any = self._any or is_users_function(kind)
        return self._any


_functions = _Functions()


def is_users_function(kind: type) -> bool:
    code = code_of(kind)
    return code is not None and is_users(code)


class Defined:
    """Whether the user's code defines a Function at all."""

    def __init__(self) -> None:
        self._asked = 0
        self._any = False

    def any(self) -> bool:
        self._asked += 1
        if self._asked & (self._asked - 1) == 0:  # a list of all Functions costs too much for each backward
            self._any = _functions.any_of_the_user()
        return self._any

    def is_users(self, kind: type) -> bool:
        return is_users_function(kind)


def class_of(kind: type) -> tuple[str, ast.ClassDef] | None:
    code = code_of(kind)
    tree = None if code is None else parsed(code.co_filename)
    if code is None or tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            if node.lineno <= code.co_firstlineno <= (node.end_lineno or 0):
                return code.co_filename, node
    return None


def method(definition: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    methods = (node for node in definition.body if isinstance(node, ast.FunctionDef) and node.name == name)
    return next(methods, None)


def name_site(path: str, method: ast.FunctionDef) -> SourceLine:
    start = method.col_offset + len("def ")
    return SourceLine(path, method.lineno, start, method.lineno, start + len(method.name.encode()))


def return_site(path: str, method: ast.FunctionDef, given: int) -> Hashable:
    """The only return statement, or the first one that returns so many values."""
    returns = [node for node in ast.walk(method) if isinstance(node, ast.Return)]
    fitting = [node for node in returns if _count(node.value) == given]
    pick = returns if len(returns) == 1 else fitting
    return text.place(path, pick[0]) if pick else name_site(path, method)


def _count(value: ast.expr | None) -> int:
    return len(value.elts) if isinstance(value, ast.Tuple) else 1


def code_of(kind: Any, name: str = "forward") -> Any:
    """The code object of a method of the user's, below any decorators; None for a builtin."""
    return getattr(inspect.unwrap(getattr(kind, name, None) or len), "__code__", None)
