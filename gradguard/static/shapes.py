"""A small algebra of tensor sizes, for the abstract execution of PyTorch code.

An argument is a `Size` (a tensor), a plain constant, a tuple, list or slice of arguments, or one of the sentinels `ANY`
and `INT` for what is not known. A result claims only what holds in every call that does not raise; an operation that is
not known, or an argument of which too much depends, gives `UNKNOWN`. Calls with `*args` or `**kwargs` that the caller
cannot spell out do not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gradguard.static.shape_algebra import (
    ANY,
    INT,
    SCALAR,
    UNKNOWN,
    Arg,
    Extent,
    Size,
    Unknown,
    broadcast,
    extent,
    extents,
    from_dims,
    from_tail,
    index,
    matmul,
    size_of,
)
from gradguard.static.shape_operations import Result
from gradguard.static.shape_tables import ALIASES, FUNCTIONS, METHODS, MODULES, RESHAPES_IN_PLACE

__all__ = [
    "ANY",
    "INT",
    "SCALAR",
    "UNKNOWN",
    "Arg",
    "Extent",
    "Result",
    "Size",
    "Unknown",
    "binary",
    "extent",
    "extents",
    "from_dims",
    "from_tail",
    "function",
    "index",
    "matmul",
    "method",
    "module",
]


def _call(operation: Callable[..., Result], args: Sequence[Arg], kwargs: Mapping[str, Arg]) -> Result:
    try:
        if kwargs:
            return operation(*args, **{ALIASES.get(name, name): value for name, value in kwargs.items()})
        return operation(*args)
    except (TypeError, ValueError, LookupError, ArithmeticError):  # not a call that torch would accept, or not known
        return UNKNOWN


def method(name: str, receiver: Size, args: Sequence[Arg] = (), kwargs: Mapping[str, Arg] | None = None) -> Result:
    """The size of `receiver.name(*args, **kwargs)`, or of the attribute `receiver.name` (`T`, `data`, `grad`…)."""
    if name[-1:] == "_" and not name.startswith("__"):
        name = name[:-1]
        if name not in RESHAPES_IN_PLACE:
            return receiver
    operation = METHODS.get(name)
    return UNKNOWN if operation is None else _call(operation, (receiver, *args), kwargs or {})


def function(name: str, args: Sequence[Arg] = (), kwargs: Mapping[str, Arg] | None = None) -> Result:
    """The size of `torch.name(*args, **kwargs)` or `torch.nn.functional.name(…)`; `name` is without its package."""
    operation = FUNCTIONS.get(name)
    return UNKNOWN if operation is None else _call(operation, args, kwargs or {})


def module(kind: str, config: Sequence[Arg], config_kwargs: Mapping[str, Arg], inputs: Sequence[Arg]) -> Result:
    """The size of `nn.kind(*config, **config_kwargs)(*inputs)`."""
    found = MODULES.get(kind)
    if found is None or len(inputs) < found[1]:
        return UNKNOWN
    operation, count = found
    return _call(operation, (*inputs[:count], *config), config_kwargs)


def binary(left: Arg, right: Arg) -> Size:
    """The size of an elementwise operation with broadcasting: `left + right`."""
    try:
        return broadcast(size_of(left), size_of(right))
    except (TypeError, ValueError):
        return UNKNOWN
