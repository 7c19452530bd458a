"""What the user's variables hold: sums and containers of values with a graph, with the names that lead to them."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import torch

from gradguard.runtime import names
from gradguard.runtime.dead import chain_length
from gradguard.runtime.sites import Sites, locals_of

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


def held_by(frame: FrameType | None, sites: Sites) -> Iterator[Holder]:
    """The sums and containers that the variables of the user's frames lead to, from the innermost frame outwards."""
    budget = [_MOST_VALUES]
    seen: set[int] = set()
    for user in names.user_frames(frame, sites):
        spaces = [(True, locals_of(user))] if user.f_code.co_flags & inspect.CO_OPTIMIZED else []
        if id(user.f_globals) not in seen:
            seen.add(id(user.f_globals))
            spaces.append((False, user.f_globals))
        for local, space in spaces:
            for name, value in list(space.items()):
                if not _is_plain(value) and not name.startswith("__"):
                    here = Holder(name, value, 0, user.f_code, None, "", local=local)
                    yield from _walk(here, seen, budget, _DEPTH)


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind in _plain_types:
        return True
    if isinstance(value, _PLAIN):
        if kind.__module__ == "builtins":
            _plain_types.add(kind)
        return True
    return False


def _walk(at: Holder, seen: set[int], budget: list[int], depth: int) -> Iterator[Holder]:
    value = at.value
    if isinstance(value, torch.Tensor):
        if value.grad_fn is not None:
            at.size = chain_length(value.grad_fn)
            yield at
        return
    if _is_plain(value) or id(value) in seen or budget[0] <= 0:
        return
    budget[0] -= 1
    seen.add(id(value))
    if isinstance(value, (list, deque, dict, set)):
        if len(value) and attached(_last(value)) is not None:
            at.size = len(value)
            yield at
        if depth and len(value) <= _MOST_ITEMS and not isinstance(value, set):
            pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
            for key, item in pairs:
                if isinstance(key, (int, str)) and not _is_plain(item):
                    path = f"{at.path}[{key!r}]"
                    inner = Holder(path, item, 0, at.code, at.owner, at.attribute, key, at.local)
                    yield from _walk(inner, seen, budget, depth - 1)
        return
    space = getattr(value, "__dict__", None)
    kind = type(value)
    if not depth or not isinstance(space, dict) or len(space) > 200 or kind.__module__.split(".")[0] == "torch":
        return
    for name, held in list(space.items()):
        if isinstance(name, str) and not _is_plain(held) and name not in _OF_MODULES:
            inner = Holder(f"{at.path}.{name}", held, 0, at.code, kind, name, None, at.local)
            yield from _walk(inner, seen, budget, depth - 1)


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
