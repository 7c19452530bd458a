"""Functions of the user that a frame calls, with what the names in them stand for."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

from gradguard.runtime import text
from gradguard.runtime.syntax import matched, parameters_of

__all__ = ["Called", "called_by", "calls_in"]


@dataclass(slots=True)
class Called:
    """A function that the frame calls somewhere. `owner` is the object that it is a method of."""

    function: FunctionType
    owner: Any
    call: ast.Call
    frame: FrameType

    @property
    def code(self) -> CodeType:
        return self.function.__code__

    def value(self, name: str) -> Any:
        """What a name in the function stands for; None if that is not known."""
        code, tree = self.code, text.scope(self.code)
        if tree is None:
            return None
        if name not in code.co_varnames:
            return None if name in code.co_freevars else self.function.__globals__.get(name)
        if any(isinstance(node, ast.Name) and node.id == name and not _loads(node) for node in ast.walk(tree)):
            return None
        bound = self.owner is not None
        if bound and parameters_of(tree)[:1] == [name]:
            return self.owner
        given = matched(tree, self.call, bound=bound).get(name)
        return None if given is None else text.evaluate(given, self.frame)


def calls_in(code: CodeType) -> list[ast.Call]:
    """The calls in the text of a function."""
    tree = text.scope(code)
    return [] if tree is None else _calls_under(tree)


@functools.lru_cache(maxsize=256)
def _calls_under(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def called_by(frame: FrameType, calls: list[ast.Call]) -> Iterator[Called]:
    """Those of the calls that call a function or method written in Python, as the variables are now."""
    for call in calls:
        function: Any = text.evaluate(call.func, frame)
        owner: Any = None
        if function is None and isinstance(call.func, ast.Attribute):
            owner = text.evaluate(call.func.value, frame)
            function = None if owner is None else inspect.getattr_static(type(owner), call.func.attr, None)
        elif isinstance(function, MethodType):
            function, owner = function.__func__, function.__self__
        if isinstance(function, FunctionType):
            function = inspect.unwrap(function)  # `@torch.no_grad()` wraps
        if isinstance(function, FunctionType):
            yield Called(function, owner, call, frame)


def _loads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)
