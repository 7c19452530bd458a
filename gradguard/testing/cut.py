"""Why a parameter gets no gradient: where its value left the graph on the way to the loss.

The forward pass runs once more while each torch function that the user's code calls is noted. The values of parameters
are followed through all of them, also through those that cut the graph; a value that reaches the loss by no other way
than through a cut was lost there.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name

from gradguard.runtime.sites import Sites

__all__ = ["Place", "Tracer"]

_TO_PYTHON = frozenset(
    "item tolist numpy __float__ __int__ __bool__ __index__ __array__ __complex__ __dlpack__".split()
)
_COPIES = frozenset("tensor as_tensor new_tensor asarray from_numpy scalar_tensor".split())
# The values of their arguments do not go into their results.
_NO_VALUE = frozenset(
    """size dim numel stride zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty
    new_full requires_grad_ retain_grad register_hook backward is_floating_point __repr__ __format__ __len__""".split()
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the user's code, and what happens there."""

    path: str
    line: int
    what: str = ""

    def __str__(self) -> str:
        text = linecache.getline(self.path, self.line).strip()
        where = f"{self.path}:{self.line}"
        return f"{where}: `{text}`" if text else where


@dataclass(slots=True)
class _Cut:
    names: frozenset[str]
    place: Place


@dataclass(slots=True)
class _Flow:
    """The parameters that a value was computed from, and the cuts it has come through."""

    names: frozenset[str] = frozenset()
    cuts: frozenset[int] = frozenset()

    def __or__(self, other: _Flow) -> _Flow:
        return _Flow(self.names | other.names, self.cuts | other.cuts)


class Tracer(TorchFunctionMode):
    """Follows the named tensors. Keeps all intermediate results alive until it is dropped."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.cuts: list[_Cut] = []
        self.first_use: dict[str, Place] = {}
        self._left = _Flow()  # what has become plain numbers or arrays, and may come back in other tensors
        self._flows = {id(tensor): _Flow(frozenset([name])) for name, tensor in parameters.items()}
        self._keep: list[Any] = list(parameters.values())
        self._sites = Sites()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        with contextlib.suppress(Exception):  # a diagnosis must not break what it looks at
            self._note(func, args, kwargs or {}, result)
        return result

    def _note(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> None:
        inputs = list(_tensors((args, kwargs)))
        flow = _Flow()
        for tensor in inputs:
            flow |= self._flow(tensor)
        if not flow.names:
            return
        name, getter = _name(func)
        if name in _NO_VALUE or (getter and name not in ("data", "T", "mT", "H", "mH", "real", "imag")):
            return
        place = self._place()
        for tensor in inputs:
            for parameter in self._flow(tensor).names:
                if tensor.requires_grad and place is not None:
                    self.first_use.setdefault(parameter, place)
        outputs = list(_tensors(result))
        live = [tensor for tensor in inputs if tensor.requires_grad and self._flow(tensor).names]
        to_python = name in _TO_PYTHON
        if live and place is not None and not any(tensor.requires_grad for tensor in outputs):
            if outputs or to_python:
                lost = frozenset[str]().union(*(self._flow(tensor).names for tensor in live))
                what = _what(name, getter, outputs)
                self.cuts.append(_Cut(lost, Place(place.path, place.line, what)))
                flow |= _Flow(cuts=frozenset([len(self.cuts) - 1]))
        if to_python:
            self._left |= flow
        if args and isinstance(args[0], Tensor) and (name == "__setitem__" or (name[-1:] == "_" and name[-2:] != "__")):
            outputs.append(args[0])
        if isinstance(kwargs.get("out"), Tensor):
            outputs.append(kwargs["out"])
        for tensor in outputs:
            for holder in (tensor, tensor._base):
                if holder is not None and holder._version >= 0:
                    self._remember(holder, flow, name)

    def _remember(self, tensor: Tensor, flow: _Flow, name: str) -> None:
        if id(tensor) not in self._flows:
            self._keep.append(tensor)
            self._flows[id(tensor)] = flow
        elif name[-1:] == "_" or name == "__setitem__":
            self._flows[id(tensor)] |= flow

    def _flow(self, tensor: Tensor) -> _Flow:
        return self._flows.get(id(tensor), _Flow())

    def _place(self) -> Place | None:
        frame = self._sites.user_frame(sys._getframe(2))
        if frame is None:
            return None
        location = self._sites.location(self._sites.instruction(frame))
        path = frame.f_code.co_filename if location is None else location.path
        return Place(path, frame.f_lineno)

    def explain(self, parameter: str, loss: Any) -> Place | None:
        """Where the parameter was lost on its way to the loss. None where it was never used."""
        through = self._flow(loss).cuts if isinstance(loss, Tensor) else frozenset[int]()
        own = [number for number, cut in enumerate(self.cuts) if parameter in cut.names]
        exact = [number for number in own if number in through]
        left = [number for number in own if number in self._left.cuts]
        for numbers in (exact, left):
            if numbers:
                return self.cuts[numbers[0]].place
        used = self.first_use.get(parameter)
        if used is None:
            return None
        return Place(used.path, used.line, "what is computed from it does not reach the loss; it is used")


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _tensors(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from _tensors(value)


def _name(func: Callable[..., Any]) -> tuple[str, bool]:
    """The plain name of a torch function, and whether it is the reading of an attribute."""
    if getattr(func, "__name__", "") == "__get__":
        owner = getattr(func, "__self__", None)
        return getattr(owner, "__name__", "") or (resolve_name(func) or "").split(".")[-2:][0], True
    return getattr(func, "__name__", ""), False


def _what(name: str, getter: bool, outputs: list[Tensor]) -> str:
    if name in ("detach", "detach_"):
        return f"`.{name}()` cuts it off"
    if getter:
        return f"`.{name}` cuts it off"
    if name in _TO_PYTHON:
        called = {"__float__": "float(…)", "__int__": "int(…)", "__bool__": "bool(…)"}.get(name, f".{name}()")
        return f"`{called}` makes plain numbers of it, which have no gradient"
    if name in _COPIES:
        return f"`torch.{name}(…)` copies the numbers and forgets how they were computed"
    if not torch.is_grad_enabled():
        return "it is used under `torch.no_grad()`"
    if outputs and not any(output.is_floating_point() or output.is_complex() for output in outputs):
        return (
            f"`{name}` gives {'integers' if outputs[0].dtype != torch.bool else 'truth values'}, which have no gradient"
        )
    return f"the result of `{name}` has no gradient"
