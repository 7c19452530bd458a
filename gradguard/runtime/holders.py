"""What the user's variables hold: sums and containers of values with a graph, with the names that lead to them."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, TypeAlias

import torch

from gradguard.runtime.dead import chain_length
from gradguard.runtime.sites import locals_of

__all__ = ["Holder", "attached", "held_by"]

_DEPTH = 3
_MOST_VALUES = 400
_MOST_ITEMS = 24
_PLAIN = (str, bytes, int, float, bool, complex, type(None), type, FunctionType, ModuleType)
# Of these exact types a value needs no closer look.
_plain_types: set[type] = {BuiltinFunctionType}
_OF_MODULES = frozenset({"_parameters", "_buffers", "_modules"})


@dataclass(slots=True)
class Holder:
    """A sum (`value` is a tensor) or a container, during one look at the variables. `size` grows with what it keeps."""

    path: str
    value: Any
    size: int
    code: CodeType
    owner: type | None  # the class of the object whose attribute it is
    attribute: str
    key: object = None
    local: bool = True

    @property
    def is_sum(self) -> bool:
        return isinstance(self.value, torch.Tensor)


# How a value is reached: from what, and by which name. `owner` is the class whose attribute it is, None for an item.
_Trail: TypeAlias = "tuple[_Trail | None, type | None, Any]"


def held_by(frames: Iterable[FrameType]) -> Iterator[Holder]:
    """The sums and containers that the variables of these frames lead to, from the innermost frame outwards."""
    budget = [_MOST_VALUES]
    seen: set[int] = set()
    for frame in frames:
        code = frame.f_code
        spaces = [(True, locals_of(frame))] if code.co_flags & inspect.CO_OPTIMIZED else []
        if id(frame.f_globals) not in seen:
            seen.add(id(frame.f_globals))
            spaces.append((False, frame.f_globals))
        for local, space in spaces:
            for name, value in list(space.items()):
                if type(value) not in _plain_types and not _is_plain(value) and not name.startswith("__"):
                    for trail, found, size in _walk(value, name, seen, budget):
                        yield _holder(trail, found, size, code, local=local)


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind in _plain_types:
        return True
    if isinstance(value, _PLAIN):
        if kind.__module__ == "builtins":
            _plain_types.add(kind)
        return True
    return False


def _walk(first: Any, name: str, seen: set[int], budget: list[int]) -> Iterator[tuple[_Trail, Any, int]]:
    """The tensors with a graph and the containers of such that a value leads to, each with its size."""
    stack: list[tuple[Any, _Trail, int]] = [(first, (None, None, name), _DEPTH)]
    while stack:
        value, trail, depth = stack.pop()
        if isinstance(value, torch.Tensor):
            if value.grad_fn is not None:
                yield trail, value, chain_length(value.grad_fn)
            continue
        if id(value) in seen or budget[0] <= 0:
            continue
        budget[0] -= 1
        seen.add(id(value))
        inner: Iterable[tuple[Any, Any]]
        if isinstance(value, (list, deque, dict, set)):
            size = len(value)
            if not size:
                continue
            if attached(_last(value)) is not None:
                yield trail, value, size
            if not depth or size > _MOST_ITEMS or isinstance(value, set):
                continue
            owner = None
            inner = list(value.items()) if isinstance(value, dict) else enumerate(value)
        else:
            owner = type(value)
            space = getattr(value, "__dict__", None)
            if not depth or not isinstance(space, dict) or len(space) > 200 or owner.__module__.startswith("torch."):
                continue
            inner = list(space.items())
        further = []
        for key, held in inner:
            if type(held) in _plain_types or _is_plain(held):
                continue
            if isinstance(key, str) and key not in _OF_MODULES if owner is not None else isinstance(key, (int, str)):
                further.append((held, (trail, owner, key), depth - 1))
        stack.extend(reversed(further))


def _holder(trail: _Trail, value: Any, size: int, code: CodeType, *, local: bool) -> Holder:
    outer, owner, name = trail
    if outer is None:
        return Holder(name, value, size, code, None, "", None, local)
    within = _holder(outer, None, 0, code, local=local)
    if owner is not None:
        return Holder(f"{within.path}.{name}", value, size, code, owner, name, None, local)
    return Holder(f"{within.path}[{name!r}]", value, size, code, within.owner, within.attribute, name, local)


def _last(value: Any) -> Any:
    if isinstance(value, dict):
        return next(reversed(value.values()))
    return next(iter(value)) if isinstance(value, set) else value[-1]


def attached(value: Any, depth: int = 2) -> torch.Tensor | None:
    """A tensor with a graph: the value itself, or one in a tuple, dict or record."""
    if isinstance(value, torch.Tensor):
        return value if value.grad_fn is not None else None
    if isinstance(value, _PLAIN) or not depth:
        return None
    items: list[Any] = []
    if isinstance(value, (list, tuple)):
        items = list(value[:_MOST_ITEMS])
    elif isinstance(value, dict):
        items = list(value.values())[:_MOST_ITEMS]
    elif not isinstance(value, torch.nn.Module) and isinstance(space := getattr(value, "__dict__", None), dict):
        items = list(space.values())[:_MOST_ITEMS]
    for item in items:
        found = attached(item, depth - 1)
        if found is not None:
            return found
    return None
