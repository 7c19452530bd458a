"""Graphs that pile up: seen without touching them, told at the statement, and not told where they are let go of."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

import gradguard
from gradguard.runtime.dead import chain_length, is_dead

LOOP = """
model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
kept, total = [], 0.0
for turn in range({turns}):
    loss = model(torch.ones(4, 2)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    {statement}
"""


@pytest.mark.parametrize(
    "statement",
    [
        "total += loss  # <- here",
        "total = loss + total  # <- here",
        "kept.append(loss)  # <- here",
        "kept.append({'loss': loss, 'turn': turn})  # <- here",
        "kept = [*kept, (turn, loss)]  # <- here",
    ],
)
def test_a_leak_is_told_at_its_statement(watched, statement):
    assert watched(LOOP.format(turns=6, statement=statement)) == {"graph-leak"}
    assert not watched.missing
    assert not watched.elsewhere


@pytest.mark.parametrize(
    "statement",
    [
        "kept = [loss]",
        "kept = [*kept[-2:], loss]",
        "total = loss",
        "total = total + loss.detach()",
        "kept.append(loss.item())",
        "kept.append(loss) if turn < 2 else None",
        "kept.append(loss) or (kept.pop(0) if len(kept) > 4 else None)",
    ],
)
def test_what_stays_small_is_no_leak(watched, statement):
    assert watched(LOOP.format(turns=40, statement=statement)) == set()


def test_a_leak_that_is_short_is_not_told(watched):
    assert watched(LOOP.format(turns=3, statement="total += loss")) == set()


def graph(w):
    return (w * w).exp().sum()


def test_a_graph_is_dead_once_it_is_freed():
    w = torch.ones(2, requires_grad=True)
    loss = graph(w)
    assert not is_dead(loss.grad_fn)
    loss.backward(retain_graph=True)
    assert not is_dead(loss.grad_fn)
    loss.backward()
    assert is_dead(loss.grad_fn)


def test_a_graph_is_dead_once_its_weights_have_changed():
    w = torch.ones(2, requires_grad=True)
    loss = graph(w)
    with torch.no_grad():
        w += 1
    assert is_dead(loss.grad_fn)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_what_hooks_have_packed_is_not_unpacked():
    unpacked = []
    w = torch.ones(2, requires_grad=True)

    def unpack(value):
        unpacked.append(value)
        return value

    with torch.autograd.graph.saved_tensors_hooks(lambda value: value, unpack):
        loss = graph(w)
    assert not is_dead(loss.grad_fn)
    assert unpacked == []


def test_the_length_of_a_chain():
    w = torch.ones(2, requires_grad=True)
    total, average = 0.0, 0.0
    for turn in range(1, 6):
        total = total + graph(w)
        average = 0.9 * average + 0.1 * graph(w)
        assert chain_length(total.grad_fn) == turn
        assert chain_length(average.grad_fn) == turn


def test_no_tensor_is_kept_alive_by_the_looks():
    dead = []

    def train(w):
        losses = []
        for _ in range(12):
            loss = graph(w)
            loss.backward()
            w.grad = None
            losses.append(loss)
            dead.append(weakref.ref(loss))

    gc.disable()
    try:
        with gradguard.watch() as report:
            train(torch.ones(2, requires_grad=True))
            assert [reference() for reference in dead] == [None] * 12
    finally:
        gc.enable()
    assert [finding.rule for finding in report.findings] == ["graph-leak"]
    assert report.errors == []
