"""Hypothesis strategies for tensors, parameters and small modules.

Numbers and shapes come from hypothesis's own numpy extra. Sizes may have names: `tensors("batch features")` and
`tensors("features")` drawn in one test have the same number of features.

>>> from hypothesis import given
>>> @given(tensors("n k"), tensors("k m"))
... def test_shape(a, b):
...     assert (a @ b).shape == (a.shape[0], b.shape[1])
>>> test_shape()
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeAlias

import hypothesis.extra.numpy as numpy_strategies
import hypothesis.strategies as st
import numpy as np
import torch
from torch import Tensor, nn

from gradguard.testing.layouts import LAYOUTS, expanded

__all__ = ["broadcastable", "modules", "numbers", "parameters", "shapes", "tensors"]

Size: TypeAlias = "int | str"
Shape: TypeAlias = "str | Sequence[Size] | st.SearchStrategy[tuple[int, ...]]"

_ACTIVATIONS = (nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ReLU)


def numbers(low: float = -3.0, high: float = 3.0) -> st.SearchStrategy[float]:
    """Short finite numbers between the two: odd multiples of 1/16.

    So there is neither 0, which hides many a mistake, nor an integer or a half, where rounding and clipping have no
    derivative. low, high: bounds, both included, without a unit.
    """
    if not low <= high:
        raise ValueError(f"low is {low} and high is {high}: there is no number between them")
    first, last = int(np.ceil((low * 16 - 1) / 2)), int(np.floor((high * 16 - 1) / 2))
    if first > last:
        return st.floats(low, high)
    return st.integers(first, last).map(lambda number: (2 * number + 1) / 16)


def shapes(shape: Shape | None = None, *, min_size: int = 0, max_size: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of tensors: any of up to three dimensions, or what is given.

    shape: sizes in words (`"batch 3"`) or as a sequence (`("batch", 3)`). A number stays as it is; a name is a size
    that is the same wherever the name is used in one test. Or a strategy for shapes, which is taken as it is.
    min_size, max_size: bounds of the sizes that are not given, both included; for a name those of its first use count.
    Size 0 gives empty tensors.
    """
    if shape is None:
        return numpy_strategies.array_shapes(min_dims=0, max_dims=3, min_side=min_size, max_side=max_size)
    if isinstance(shape, st.SearchStrategy):
        return shape
    words = shape.split() if isinstance(shape, str) else shape
    return st.tuples(*(_size(word, min_size, max_size) for word in words))


def _size(word: Size, low: int, high: int) -> st.SearchStrategy[int]:
    if isinstance(word, int) or word.isdecimal():
        return st.just(int(word))
    if not word.isidentifier():
        raise ValueError(f"{word!r} is no size: sizes are numbers and names, as in 'batch 3'")
    return st.shared(st.integers(low, high), key=("gradguard size", word))


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Shape | None = None,
    *,
    dtype: torch.dtype | st.SearchStrategy[torch.dtype] = torch.float64,
    elements: st.SearchStrategy[float] | None = None,
    low: float = -3.0,
    high: float = 3.0,
    requires_grad: bool | st.SearchStrategy[bool] = False,
    any_layout: bool = False,
    min_size: int = 0,
    max_size: int = 3,
) -> Tensor:
    """Tensors on the CPU.

    shape, min_size, max_size: see `shapes`. low, high: bounds of the elements, which `elements` replaces.
    any_layout: draw transposed, sliced, offset and expanded tensors as well as contiguous ones. Such a tensor that
    requires a gradient is not a leaf: ask for its gradient with `torch.autograd.grad` or `retain_grad()`.
    """
    sizes = draw(shapes(shape, min_size=min_size, max_size=max_size))
    kind = draw(dtype) if isinstance(dtype, st.SearchStrategy) else dtype
    values = torch.from_numpy(draw(_arrays(sizes, kind, elements, low, high))).to(kind)
    if draw(requires_grad) if isinstance(requires_grad, st.SearchStrategy) else requires_grad:
        values.requires_grad_()
    if not any_layout:
        return values
    layouts = [layout for layout in LAYOUTS if layout.fits(values)]
    row = expanded(values)
    layout = draw(st.sampled_from([*layouts, row] if row else layouts))
    if layout is LAYOUTS[0]:
        return values
    return layout.view(layout.base(values).requires_grad_(values.requires_grad))


def _arrays(
    sizes: tuple[int, ...], dtype: torch.dtype, elements: st.SearchStrategy[float] | None, low: float, high: float
) -> st.SearchStrategy[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    if elements is None:
        elements = numbers(low, high)
        if not dtype.is_floating_point and not dtype.is_complex:
            bounds = (
                (0, 1) if dtype is torch.bool else (max(int(low), 0 if "uint" in str(dtype) else int(low)), int(high))
            )
            elements = st.integers(*bounds).map(float)
    # Without a fill each element is drawn by itself: one that is repeated makes ties, where max has no gradient.
    return numpy_strategies.arrays(np.float64, sizes, elements=elements, fill=st.nothing())


def broadcastable(count: int = 2, *, dtype: torch.dtype = torch.float64) -> tuple[st.SearchStrategy[Tensor], ...]:
    """Strategies for tensors whose shapes fit together by broadcasting, as (2, 3) and (3,) do.

    >>> left, right = broadcastable(2)
    """
    together = st.shared(
        numpy_strategies.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, min_side=0, max_side=3),
        key=("gradguard broadcastable", object()),
    )

    def one(index: int) -> st.SearchStrategy[Tensor]:
        return tensors(together.map(lambda found: found.input_shapes[index]), dtype=dtype)

    return tuple(one(index) for index in range(count))


@st.composite
def parameters(draw: st.DrawFn, shape: Shape | None = None, *, dtype: torch.dtype = torch.float32) -> nn.Parameter:
    """Parameters, which require a gradient. Sizes that are not given are 1 to 3. shape: see `shapes`."""
    return nn.Parameter(draw(tensors(shape, dtype=dtype, min_size=1)))


@st.composite
def modules(
    draw: st.DrawFn,
    features: int | st.SearchStrategy[int] = 3,
    outputs: int | st.SearchStrategy[int] = 1,
    *,
    max_layers: int = 3,
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """Small networks for inputs of shape (batch, features) and outputs of shape (batch, outputs).

    Linear layers with activations in between, initialised from a seed that is drawn; torch's own random state is left
    as it was.
    """
    first = draw(features) if isinstance(features, st.SearchStrategy) else features
    last = draw(outputs) if isinstance(outputs, st.SearchStrategy) else outputs
    hidden = draw(st.lists(st.integers(1, 4), max_size=max(max_layers - 1, 0)))
    widths = [first, *hidden, last]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(draw(st.integers(0, 2**16)))
        layers: list[nn.Module] = []
        for index, (size, following) in enumerate(itertools.pairwise(widths)):
            if index:
                layers.append(draw(st.sampled_from(_ACTIVATIONS))())
            layers.append(nn.Linear(size, following, dtype=dtype))
    return nn.Sequential(*layers)
