"""What can be told about a backward that failed, from the graph as it is afterwards. Nothing is spent before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Instruction, Sites, locals_of

if TYPE_CHECKING:
    from torch.autograd.graph import Node

__all__ = ["Past", "Shared", "shared_graph"]

_MOST_STEPS = 60
_FREED = "backward through the graph a second time"


@dataclass(slots=True)
class Past:
    """A backward pass that has run: where, on what, and the creation number that the next operation had then."""

    root: Any  # a weak reference
    site: Instruction | None
    number: int
    keeps_graph: bool

    @classmethod
    def of(cls, entry: tuple[Any, Any, int, Any]) -> Past:
        """From what the guard has noted."""
        root, site, number, keeps = entry
        return cls(root, None if site is None else Instruction(*site), number, bool(keeps))


@dataclass(slots=True)
class Shared:
    """The part of a graph that an earlier backward pass has freed."""

    node: Node
    first: Past
    name: str
    is_root: bool


def is_freed(node: Any) -> bool:
    names = [name for name in dir(node) if name.startswith("_saved_")]
    if not names and hasattr(type(node), "saved_tensors"):
        names = ["saved_tensors"]  # of a custom Function
    return any(_raises_freed(node, name) for name in names)


def _raises_freed(node: Any, name: str) -> bool:
    try:
        getattr(node, name)
    except Exception as error:
        return _FREED in str(error)
    return False


def shared_graph(roots: Sequence[Any], past: Sequence[Past], sites: Sites, frame: FrameType | None) -> Shared | None:
    earlier = [entry for entry in past if not entry.keeps_graph]
    for root in roots:
        for entry in earlier:
            if entry.root() is root and root.grad_fn is not None:
                return Shared(root.grad_fn, entry, "", is_root=True)
    roots_alive = ((index, entry.root()) for index, entry in enumerate(earlier))
    alive = {index: set(nodes_from([root])) for index, root in roots_alive if root is not None}
    reached: list[tuple[Node, Past]] = []
    for node in nodes_from(roots):
        if not node.next_functions or type(node).__name__ == "AccumulateGrad":
            continue
        first = _first_through(node, earlier, alive)
        if first is not None:
            reached.append((node, first))
    if not any(is_freed(node) for node, _ in reached):
        return None
    for node, first in reached:
        name = carried_name(node, frame, sites)
        if name:
            return Shared(node, first, name, is_root=False)
    node, first = reached[0]
    return Shared(node, first, _first_made_from(node, roots, frame, sites), is_root=False)


def _first_through(node: Any, earlier: Sequence[Past], alive: dict[int, set[Any]]) -> Past | None:
    """The first pass that went through the node: surely, where its root still lives, else by creation number."""
    number = node._sequence_nr()
    for index, entry in enumerate(earlier):
        if index in alive:
            if node in alive[index]:
                return entry
        elif number < entry.number and is_freed_or_saves_nothing(node):
            return entry
    return None


def is_freed_or_saves_nothing(node: Any) -> bool:
    return is_freed(node) or not any(name.startswith("_raw_saved_") for name in dir(node))


def carried_name(node: Any, frame: FrameType | None, sites: Sites) -> str:
    """The variable, attribute or item that holds the result of the node."""
    while frame is not None:
        if sites.is_user(frame.f_code):
            for space in (locals_of(frame), frame.f_globals):
                for name, value in list(space.items()):
                    found = _held(value, name, node, 3)
                    if found:
                        return found
        frame = frame.f_back
    return ""


def _first_made_from(border: Node, roots: Sequence[Any], frame: FrameType | None, sites: Sites) -> str:
    """The variable nearest to the border that was computed from it: `hidden = cell(x, hidden)` has lost the old one."""
    consumers: dict[Any, list[Any]] = {}
    for node in nodes_from(roots):
        for successor, _ in node.next_functions:
            consumers.setdefault(successor, []).append(node)
    last = {root.grad_fn for root in roots if isinstance(root, torch.Tensor)}
    layer, seen = [border], {border}
    for _ in range(_MOST_STEPS):
        following = [
            user for node in layer for user in consumers.get(node, ()) if user not in seen and user not in last
        ]
        seen.update(following)
        for node in following:
            name = carried_name(node, frame, sites)
            if name:
                return name
        layer = following
    return ""


def _held(value: Any, path: str, node: Any, depth: int) -> str:
    if isinstance(value, torch.Tensor):
        return path if value.grad_fn is node else ""
    if depth == 0:
        return ""
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict) and len(value) <= 100:
        items = [(f"{path}[{key!r}]", item) for key, item in list(value.items()) if isinstance(key, (str, int))]
    elif type(value).__name__ in ("list", "tuple", "deque") and len(value) <= 100:
        items = [(f"{path}[{index}]", item) for index, item in enumerate(list(value))]
    elif hasattr(value, "__dict__") and not isinstance(value, type) and type(value).__module__ != "builtins":
        space = vars(value)
        if isinstance(space, dict) and len(space) <= 60 and type(value).__name__ != "module":
            items = [(f"{path}.{key}", item) for key, item in list(space.items()) if isinstance(key, str)]
    for name, item in items:
        found = _held(item, name, node, depth - 1)
        if found:
            return found
    return ""
