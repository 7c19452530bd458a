"""The same numbers, laid out in memory in another way: what transposing, slicing and expanding leave behind.

A layout is made of a contiguous tensor by differentiable operations, so that gradients flow back to that tensor, whose
elements can be moved one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["CONTIGUOUS", "LAYOUTS", "Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """`base` makes the contiguous tensor out of any values, `view` what is handed on."""

    name: str
    base: Callable[[Tensor], Tensor]
    view: Callable[[Tensor], Tensor]
    fits: Callable[[Tensor], bool]


def _copy(values: Tensor) -> Tensor:
    return values.detach().clone(memory_format=torch.contiguous_format)


def _transposed(base: Tensor) -> Tensor:
    return base.transpose(0, -1).clone(memory_format=torch.contiguous_format).transpose(0, -1)


def _sliced(base: Tensor) -> Tensor:
    # What lies between the elements is nan, so that code which ignores strides does not pass by luck.
    return torch.stack((base, torch.full_like(base, _filler(base))), dim=-1)[..., 0]


def _offset(base: Tensor) -> Tensor:
    return torch.cat((base.new_full((3,), _filler(base)), base.reshape(-1)))[3:].view(base.shape)


def _filler(base: Tensor) -> float:
    return float("nan") if base.is_floating_point() or base.is_complex() else 1


def _any(_: Tensor) -> bool:
    return True


def _first_row(values: Tensor) -> Tensor:
    return _copy(values[:1])


def _expandable(values: Tensor) -> bool:
    return values.ndim > 0 and values.shape[0] > 1


CONTIGUOUS = Layout("contiguous", _copy, lambda base: base.clone(), _any)
LAYOUTS = (
    CONTIGUOUS,
    Layout("transposed", _copy, _transposed, lambda values: values.ndim > 1),
    Layout("every second element of a larger tensor", _copy, _sliced, _any),
    Layout("a part of a larger tensor", _copy, _offset, _any),
)


def expanded(values: Tensor) -> Layout | None:
    """The first row of the values, repeated by `expand`: all the rows are the same memory."""
    if not _expandable(values):
        return None
    rows = values.shape[0]
    return Layout("one row, expanded", _first_row, lambda base: base.clone().expand(rows, *base.shape[1:]), _any)
