"""A custom Function that is watched: what its forward was given and changed, and what its backward returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

__all__ = ["Call", "Record", "backward_name", "probe", "same"]


@dataclass(slots=True)
class Call:
    """One call of `backward`. Nothing here is needed once the example has been examined."""

    needs_input_grad: tuple[bool, ...]
    returned: tuple[Any, ...]
    changed: tuple[str, ...]
    """What the call changed in place, in words."""


@dataclass(slots=True)
class Record:
    """What has been seen of the Function since the record was cleared."""

    dirty: list[Tensor] = field(default_factory=list)
    saved: list[Any] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    error: Exception | None = None
    """What `backward` raised."""


def same(left: Tensor, right: Tensor) -> bool:
    """The same numbers, nan being the same as nan."""
    return left.shape == right.shape and bool(((left == right) | (left.isnan() & right.isnan())).all())


def backward_name(function: type[Any]) -> str:
    """`backward`, or its other name `vjp` where the Function uses that one."""
    return "backward" if function.vjp is torch.autograd.Function.vjp else "vjp"


def probe(function: type[Any], record: Record) -> Any:
    """A subclass of the Function that does the same and writes it down."""
    separate = function.setup_context is not torch.autograd.Function.setup_context
    name = backward_name(function)
    original = getattr(function, name)

    def note_context(ctx: Any) -> None:
        record.dirty = list(getattr(ctx, "dirty_tensors", None) or ())
        record.saved = list(getattr(ctx, "to_save", None) or ())

    def forward(ctx: Any, *inputs: Any) -> Any:
        outputs = function.forward(ctx, *inputs)
        note_context(ctx)
        return outputs

    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        function.setup_context(ctx, inputs, output)
        note_context(ctx)

    def backward(ctx: Any, *gradients: Any) -> Any:
        watched = _watched(ctx, gradients)
        copies = [tensor.detach().clone() for _, tensor in watched]
        try:
            returned = original(ctx, *gradients)
        except Exception as error:
            record.error = error
            raise
        changed = tuple(
            name for (name, tensor), copy in zip(watched, copies, strict=True) if not same(tensor.detach(), copy)
        )
        everything = returned if isinstance(returned, tuple) else (returned,)
        record.calls.append(Call(tuple(ctx.needs_input_grad), everything, changed))
        return returned

    body: dict[str, Any] = {name: staticmethod(backward), "__module__": function.__module__}
    if separate:
        body["setup_context"] = staticmethod(setup_context)
    else:
        body["forward"] = staticmethod(forward)
    return type(function.__name__, (function,), body)


def _watched(ctx: Any, gradients: Sequence[Any]) -> list[tuple[str, Tensor]]:
    found = [
        ("`grad_output`" if len(gradients) == 1 else f"the gradient of output {number}", gradient)
        for number, gradient in enumerate(gradients)
        if isinstance(gradient, Tensor)
    ]
    found += [("a tensor of `ctx.saved_tensors`", tensor) for tensor in ctx.saved_tensors if isinstance(tensor, Tensor)]
    return found
