"""The modules that the user's code can see, and where in them a parameter lies. Looked at only where one is missing."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from gradguard.runtime import names
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Sites, SourceLine, locals_of, parsed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Found", "Holder", "computed_from", "container_of", "module_of", "modules_in_sight", "plain_attribute_of"]

_OWN = frozenset(vars(torch.nn.Module()))
_MOST_MODULES = 4000
_FEW_NODES = 200


class Found(NamedTuple):
    """Modules with the names of the variables that hold them."""

    roots: list[torch.nn.Module]
    names: list[str]


class Holder(NamedTuple):
    """A module, and in which attribute of it (or under which path) something lies."""

    module: torch.nn.Module
    attribute: str
    place: SourceLine | None


def modules_in_sight(frame: FrameType | None, sites: Sites) -> Found:
    """The modules in variables of the user's frames, and in attributes of objects there."""
    found = Found([], [])
    spaces: list[dict[str, Any]] = []
    for user in sites.user_frames(frame):
        spaces.append(locals_of(user))
        if user.f_locals is not user.f_globals:
            spaces.append(user.f_globals)
    for space in spaces:
        for name, value in list(space.items()):
            for module in names.modules_of(value):
                if not any(module is other for other in found.roots):
                    found.roots.append(module)
                    found.names.append(name)
    return found


def _all(found: Found) -> Iterator[tuple[str, str, torch.nn.Module]]:
    seen = 0
    for name, root in zip(found.names, found.roots, strict=True):
        for path, module in root.named_modules():
            seen += 1
            if seen > _MOST_MODULES:
                return
            yield name, path, module


def module_of(tensor: Tensor, found: Found) -> Holder | None:
    """The module whose own parameter the tensor is. The attribute is the path to it."""
    for name, path, module in _all(found):
        if any(parameter is tensor for parameter in module._parameters.values()):
            return Holder(module, f"{name}.{path}", None)
    return None


def container_of(tensor: Tensor, found: Found) -> Holder | None:
    """The module that holds the tensor, or the module it belongs to, in a plain list or dict."""
    for _, _, module in _all(found):
        for attribute, value in list(vars(module).items()):
            if attribute not in _OWN and isinstance(value, (list, tuple, dict)) and _holds(value, tensor, 3):
                place = _assignment(type(module), attribute)
                if place is not None:
                    return Holder(module, attribute, place)
    return None


def plain_attribute_of(tensor: Tensor, found: Found) -> Holder | None:
    """The module that has had the tensor as an attribute since its `__init__`, and leaves it to others to change it."""
    for _, _, module in _all(found):
        for attribute, value in list(vars(module).items()):
            if value is not tensor or attribute in _OWN:
                continue
            place = _assignment(type(module), attribute)
            if place is None or not _made_in_init(type(module), attribute, place):
                continue
            name = re.escape(attribute)
            handled = re.compile(rf"\.{name}\.(grad|data|\w+_)\b|\bgrad\([^\n]*\.{name}\b|['\"]{name}['\"]")
            if not any(handled.search(text) for text in _sources(type(module), found)):
                return Holder(module, attribute, place)
    return None


def computed_from(tensor: Tensor, found: Found) -> Holder | None:
    """The module that keeps only what its `__init__` computed, in one statement, from a parameter made there."""
    for _, _, module in _all(found):
        for attribute, value in list(vars(module).items()):
            if attribute in _OWN or not isinstance(value, torch.Tensor) or value.grad_fn is None:
                continue
            if not any(getattr(node, "variable", None) is tensor for node in nodes_from([value], _FEW_NODES)):
                continue
            place = _assignment(type(module), attribute)
            if place is None or not _made_in_init(type(module), attribute, place):
                continue
            lines = linecache.getlines(place.path)[place.line - 1 : place.end_line]
            if re.search(r"\bParameter\(", "".join(lines)):
                return Holder(module, attribute, place)
    return None


def _sources(cls: type, found: Found) -> Iterator[str]:
    """The text of the files of a class, and of the classes of the modules in sight."""
    classes = [base for kind in (cls, *map(type, found.roots)) for base in kind.__mro__]
    for path in dict.fromkeys(_source(base)[0] for base in classes):
        if path:
            yield "".join(linecache.getlines(path))


def _made_in_init(cls: type, attribute: str, place: SourceLine) -> bool:
    """Whether `self.attribute` is bound by `__init__` alone, and there."""
    stores = []
    for base in cls.__mro__:
        tree = parsed(_source(base)[0]) if _source(base)[0] else None
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.FunctionDef):
                stores += [
                    (node.name, part.lineno)
                    for part in ast.walk(node)
                    if isinstance(part, ast.Attribute) and part.attr == attribute and isinstance(part.ctx, ast.Store)
                ]
    return bool(stores) and all(name == "__init__" for name, _ in stores) and place.line in {n for _, n in stores}


def _holds(value: Any, tensor: Tensor, depth: int) -> bool:
    if value is tensor:
        return True
    if isinstance(value, torch.nn.Module):
        return any(parameter is tensor for parameter in value.parameters())
    if isinstance(value, (list, tuple, dict)) and depth and len(value) <= 1000:
        return any(_holds(part, tensor, depth - 1) for part in (value.values() if isinstance(value, dict) else value))
    return False


def _assignment(cls: type, attribute: str) -> SourceLine | None:
    """The first `self.attribute = …` in the class or in one that it is derived from."""
    for base in cls.__mro__:
        path, line = _source(base)
        tree = parsed(path) if path else None
        if tree is None:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == base.__name__ and node.lineno <= line <= _end(node):
                for part in ast.walk(node):
                    targets = part.targets if isinstance(part, ast.Assign) else (
                        [part.target] if isinstance(part, ast.AnnAssign) else []
                    )  # fmt: skip
                    if any(isinstance(target, ast.Attribute) and target.attr == attribute for target in targets):
                        assert isinstance(part, ast.stmt)
                        return SourceLine(
                            path, part.lineno, part.col_offset, _end(part), part.end_col_offset or part.col_offset
                        )
    return None


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _source(cls: type) -> tuple[str, int]:
    """Where a method of the class was defined."""
    for value in vars(cls).values():
        code = getattr(inspect.unwrap(value), "__code__", None) if inspect.isfunction(value) else None
        if code is not None and value.__qualname__.startswith(cls.__qualname__ + "."):
            return code.co_filename, code.co_firstlineno
    return "", 0
