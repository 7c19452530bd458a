"""Names for people: of optimizers, parameters and operations. Looked up only for a finding or once for an optimizer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.runtime.sites import Sites, locals_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["list_of", "modules_of", "name_in_frames", "operation", "parameter_names"]

_MOST_NAMES = 3


def _spaces(frame: FrameType | None, sites: Sites) -> Iterator[dict[str, Any]]:
    seen: set[int] = set()
    for user in sites.user_frames(frame):
        if user.f_locals is not user.f_globals:
            yield locals_of(user)
        if id(user.f_globals) not in seen:
            seen.add(id(user.f_globals))
            yield dict(user.f_globals)


def name_in_frames(thing: object, frame: FrameType | None, sites: Sites) -> str:
    """The variable of the user that holds the thing, or the attribute of one (`self.opt`)."""
    for space in _spaces(frame, sites):
        for name, value in space.items():
            if value is thing and not name.startswith("_"):
                return name
        for name, value in space.items():
            inner = getattr(value, "__dict__", None)
            if isinstance(inner, dict) and not isinstance(value, type) and len(inner) <= 100:
                for attribute, held in list(inner.items()):
                    if held is thing and isinstance(attribute, str) and not isinstance(value, type(re)):
                        return f"{name}.{attribute}"
    return ""


def parameter_names(tensors: Sequence[Tensor], frame: FrameType | None, sites: Sites) -> list[str]:
    """The path in a module where one is known, else the variable. Those without a name are left out."""
    paths: dict[int, str] = {}
    for space in _spaces(frame, sites):
        for value in space.values():
            for module in modules_of(value):
                for path, parameter in module.named_parameters():
                    if path.count(".") >= paths.get(id(parameter), "").count(".") or id(parameter) not in paths:
                        paths[id(parameter)] = path
    names = (paths.get(id(tensor)) or name_in_frames(tensor, frame, sites) for tensor in tensors)
    return [name for name in names if name]


def modules_of(value: Any) -> Iterator[torch.nn.Module]:
    if isinstance(value, torch.nn.Module):
        yield value
        return
    inner = None if isinstance(value, type) else getattr(value, "__dict__", None)
    if isinstance(inner, dict) and len(inner) <= 100 and type(value).__name__ != "module":
        yield from (held for held in list(inner.values()) if isinstance(held, torch.nn.Module))


def list_of(names: Sequence[str], total: int) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMES])
    rest = total - min(len(names), _MOST_NAMES)
    return f"{shown} and {rest} more" if rest > 0 and shown else shown


def operation(node: object) -> str:
    """`mul` for MulBackward0."""
    name = re.sub(r"Backward\d*$", "", type(node).__name__)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return {"to_copy": "to", "unsafe_view": "view", "t": "t"}.get(name, name)
