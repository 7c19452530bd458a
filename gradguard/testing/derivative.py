"""Derivatives by finite differences, and where those of autograd differ from them.

`torch.autograd.gradcheck` says that a matrix is not equal to another. This says which element of which input is wrong,
leaves out the elements at which the function has a kink or a jump, and accuses only what no step size confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Comparison", "Mismatch", "compare", "cotangent"]

Fn = Callable[..., tuple[Tensor, ...]]

_STEP = 1e-6
_COARSER_STEPS = (1e-5, 1e-4, 1e-3, 1e-2)
_ABSOLUTE, _RELATIVE = 1e-5, 1e-3  # those of gradcheck
_COARSE_RELATIVE = 1e-2
_KINK = 1e-3
_MOST_ROWS = 32
_DENSE_ROWS = 8
_MOST_COLUMNS = 256


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One derivative that is wrong: the worst of them."""

    leaf: int
    element: tuple[int, ...]
    of_output: tuple[int, tuple[int, ...]] | None
    """The output and its element, or None where a weighted sum of all the outputs was derived."""
    autograd: float
    numerical: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`judged` elements were compared; `rough` ones could not be, or agree only at a coarse step."""

    mismatch: Mismatch | None
    judged: int
    rough: int
    autograd: tuple[Tensor, ...]
    """For each leaf a matrix: weighted sums of outputs by its elements."""
    numerical: tuple[Tensor, ...]
    """The same by finite differences, nan where they cannot be judged."""


def cotangent(output: Tensor, number: int = 0) -> Tensor:
    """A weight for each element of an output, none of them zero and no two the same."""
    count = torch.arange(output.numel(), dtype=torch.float64)
    weights = (0.5 + torch.frac(count * 0.6180339887 + number * 0.3819660113)) * (1 - 2 * ((count + number) % 2))
    return weights.reshape(output.shape).to(output.dtype)


def _flat(outputs: Sequence[Tensor]) -> Tensor:
    return torch.cat([output.detach().reshape(-1).to(torch.float64) for output in outputs])


def compare(fn: Fn, leaves: Sequence[Tensor]) -> Comparison:
    """Compare what autograd says about `fn(*leaves)` with finite differences.

    leaves: contiguous float64 leaves that require gradients. fn: gives a tuple of real floating tensors.
    """
    outputs = fn(*leaves)
    weights = _weights(outputs)
    rows = []
    for row in weights:
        gradients = _pull(outputs, leaves, row)
        rows.append(
            torch.cat(
                [
                    (torch.zeros_like(leaf) if gradient is None else gradient).detach().reshape(-1)
                    for leaf, gradient in zip(leaves, gradients, strict=True)
                ]
            )
        )
    analytic = torch.stack(rows) if rows else torch.zeros(0, sum(leaf.numel() for leaf in leaves))
    middle = _flat(outputs)
    # Beside a result that is nan or infinite the chain rule has products of 0 and infinity, which are nan by right.
    finite = bool(middle.isfinite().all())

    judged = rough = start = 0
    tables: list[tuple[Tensor, Tensor]] = []
    worst: tuple[float, Mismatch] | None = None
    for index, leaf in enumerate(leaves):
        stride = max(1, -(-leaf.numel() // _MOST_COLUMNS))
        numerical = torch.full((len(rows), leaf.numel()), float("nan"), dtype=torch.float64)
        own = analytic[:, start : start + leaf.numel()]
        start += leaf.numel()
        tables.append((own, numerical))
        wrong: list[tuple[float, int, int]] = []
        for column in range(0, leaf.numel(), stride):
            slope, smooth = _slope(fn, leaves, index, column, weights, middle)
            numerical[:, column] = torch.where(smooth, slope, torch.nan)
            judged += int(smooth.sum())
            rough += int((~smooth).sum())
            error = (own[:, column] - slope).abs()
            suspects = smooth & ~(error <= _ABSOLUTE + _RELATIVE * slope.abs())
            if not finite:
                suspects &= own[:, column].isfinite()
            if suspects.any():
                confirmed = suspects & ~_coarse_agreement(fn, leaves, index, column, weights, own[:, column])
                rough += int((suspects & ~confirmed).sum())
                wrong += [
                    (float(error[row]) if error[row].isfinite() else float("inf"), int(row), column)
                    for row in confirmed.nonzero().flatten()
                ]
        if wrong:
            size, row, column = max(wrong, key=lambda entry: (entry[0], -entry[1], -entry[2]))
            if worst is None or size > worst[0]:
                found = Mismatch(
                    index,
                    _unravel(column, leaf),
                    _which(outputs, row) if len(weights) == len(middle) else None,
                    float(own[row, column]),
                    float(numerical[row, column]),
                )
                worst = size, found
    autograd, differences = (tuple(table[side] for table in tables) for side in (0, 1))
    return Comparison(worst[1] if worst else None, judged, rough, autograd, differences)


def _weights(outputs: Sequence[Tensor]) -> Tensor:
    total = sum(output.numel() for output in outputs)
    if total <= _MOST_ROWS:
        return torch.eye(total, dtype=torch.float64)
    flat = torch.zeros(total)
    return torch.stack([cotangent(flat, number).to(torch.float64) for number in range(_DENSE_ROWS)])


def _pull(outputs: Sequence[Tensor], leaves: Sequence[Tensor], row: Tensor) -> Sequence[Tensor | None]:
    parts = torch.split(row, [output.numel() for output in outputs])
    pairs = [
        (output, part.reshape(output.shape).to(output.dtype))
        for output, part in zip(outputs, parts, strict=True)
        if output.requires_grad
    ]
    if not pairs:
        return [None] * len(leaves)
    roots, weights = zip(*pairs, strict=True)
    return torch.autograd.grad(roots, leaves, weights, retain_graph=True, allow_unused=True)


def _at(fn: Fn, leaves: Sequence[Tensor], index: int, column: int, move: float) -> Tensor:
    moved = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    with torch.no_grad():
        moved[index].view(-1)[column] += move
    return _flat(fn(*moved))


def _slope(
    fn: Fn, leaves: Sequence[Tensor], index: int, column: int, weights: Tensor, middle: Tensor
) -> tuple[Tensor, Tensor]:
    """The derivative of each weighted sum of outputs, and for which of them it can be judged."""
    up, down = (_at(fn, leaves, index, column, move) for move in (_STEP, -_STEP))
    alive = middle.isfinite()
    each = torch.where(alive, (up - down) / (2 * _STEP), 0)
    # The derivatives from the left and from the right: at a kink, as that of relu at 0, they differ.
    bend = torch.where(alive, (up - 2 * middle + down) / _STEP, 0).abs()
    smooth = bool((each.isfinite() & (bend <= _KINK * (1 + each.abs()))).all())
    dead = weights.abs() @ (~alive).to(torch.float64) > 0
    return weights @ each, ~dead & smooth


def _coarse_agreement(
    fn: Fn, leaves: Sequence[Tensor], index: int, column: int, weights: Tensor, analytic: Tensor
) -> Tensor:
    """Where a larger step agrees after all, as it does for a function that rounds its results to float32."""
    agrees = torch.zeros(len(weights), dtype=torch.bool)
    for step in _COARSER_STEPS:
        up, down = (_at(fn, leaves, index, column, move) for move in (step, -step))
        slope = weights @ torch.nan_to_num((up - down) / (2 * step))
        agrees |= (analytic - slope).abs() <= _ABSOLUTE + _COARSE_RELATIVE * slope.abs()
    return agrees


def _unravel(position: int, like: Tensor) -> tuple[int, ...]:
    place: list[int] = []
    for size in reversed(like.shape):
        position, rest = divmod(position, size)
        place.append(rest)
    return tuple(reversed(place))


def _which(outputs: Sequence[Tensor], row: int) -> tuple[int, tuple[int, ...]]:
    for number, output in enumerate(outputs):
        if row < output.numel():
            return number, _unravel(row, output)
        row -= output.numel()
    raise IndexError(row)
