"""The strategies keep what they promise about shapes, types, layouts and random numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from torch import nn

from gradguard.testing import assert_trains
from gradguard.testing.layouts import LAYOUTS, expanded
from gradguard.testing.strategies import broadcastable, modules, numbers, parameters, shapes, tensors

few = settings(max_examples=40, deadline=None)


@few
@given(tensors("n k"), tensors("k m"), tensors(("n", 2)))
def test_a_name_is_one_size(a, b, c):
    assert a.shape[1] == b.shape[0]
    assert a.shape[0] == c.shape[0]
    assert c.shape[1] == 2


def test_names_that_differ_are_sizes_that_differ():
    a, b = find(st.tuples(tensors("n"), tensors("m")), lambda pair: pair[0].shape != pair[1].shape)
    assert a.dtype == b.dtype == torch.float64


def test_a_word_that_is_no_size():
    with pytest.raises(ValueError, match="no size"):
        shapes("n-1")


@few
@given(tensors(low=0.5, high=2.0))
def test_numbers_are_within_their_bounds_and_keep_away_from_integers(x):
    assert bool(((x >= 0.5) & (x <= 2.0)).all())
    assert bool((x * 8 % 1 == 0.5).all())


def test_narrow_and_empty_bounds():
    assert 0.01 <= find(numbers(0.01, 0.02), lambda _: True) <= 0.02
    with pytest.raises(ValueError, match="no number between"):
        numbers(2, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool])
def test_types(dtype):
    assert find(tensors("3", dtype=dtype), lambda x: len(set(x.tolist())) > 1).dtype == dtype


@pytest.mark.parametrize(
    "wanted",
    [
        lambda x: x.numel() == 0,
        lambda x: x.ndim == 0,
        lambda x: not x.is_contiguous(),
        lambda x: 0 in x.stride() and x.numel() > 1,
        lambda x: x.storage_offset() > 0,
    ],
    ids=["empty", "scalar", "not contiguous", "expanded", "offset"],
)
def test_each_kind_of_tensor_comes_up(wanted):
    find(tensors(any_layout=True), wanted)


@few
@given(tensors("2 3", any_layout=True, requires_grad=True))
def test_a_gradient_flows_through_each_layout(x):
    (gradient,) = torch.autograd.grad((x**2).sum(), x)
    assert torch.equal(gradient, 2 * x)


@few
@given(tensors())
def test_a_layout_does_not_change_the_numbers(x):
    for layout in LAYOUTS:
        if layout.fits(x):
            assert torch.equal(layout.view(layout.base(x)), x)
    row = expanded(x)
    if row is not None:
        assert torch.equal(row.view(row.base(x)), x[:1].expand_as(x))


left, right = broadcastable(2)


@few
@given(left, right)
def test_broadcastable_shapes_fit_together(a, b):
    torch.broadcast_shapes(a.shape, b.shape)


def test_broadcastable_shapes_differ():
    assert find(st.tuples(left, right), lambda pair: pair[0].shape != pair[1].shape)


@few
@given(parameters())
def test_parameters(parameter):
    assert isinstance(parameter, nn.Parameter)
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert parameter.numel() > 0


@settings(max_examples=15, deadline=None)
@given(modules(features=3, outputs=2), st.integers(1, 4))
def test_modules(model, rows):
    assert model(torch.ones(rows, 3)).shape == (rows, 2)


@settings(max_examples=15, deadline=None)
@given(modules(max_layers=1))
def test_a_linear_module_trains(model):
    assert_trains(model, (torch.ones(2, 3), torch.full((2, 1), 9.0)), nn.functional.mse_loss)


def test_modules_leave_the_random_state_alone():
    state = torch.get_rng_state()
    find(modules(), lambda _: True)
    assert torch.equal(torch.get_rng_state(), state)
