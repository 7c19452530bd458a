"""The history of changes in place, with invented events: versions, views as storages, steps, hidden changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard.events import Backward, GraphNode, OptimizerStep, SavedTensor, TensorWrite
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal
from gradguard.rules import data_write, inplace_on_leaf, inplace_on_saved_tensor, step_between_forward_and_backward


def write(site, tensor="t", *, hidden=False, optimizer=""):
    tensors = frozenset([tensor])
    return TensorWrite(site=site, name="y", operation="+=", tensors=tensors, hidden=hidden, optimizer=optimizer)


def node(ledger, tensor="t", *, ident="n", saves=True):
    saved = (SavedTensor(tensor, ledger.version(tensor), "y"),)
    return GraphNode(id=ident, operation="exp", site=f"site of {ident}", saves=saves, saved=saved)


def backward(*graph, keeps_graph=False):
    return Backward(site="backward", name="loss", graph=graph, keeps_graph=keeps_graph)


def reports(module, event, ledger):
    return [said for said in module.RULE.detect[type(event)](event, ledger) if not isinstance(said, Acquittal)]


def test_a_change_after_saving_is_found_and_names_its_place():
    ledger = Ledger()
    saving = node(ledger)
    ledger.record(write("edit"))
    (report,) = reports(inplace_on_saved_tensor, backward(saving), ledger)
    assert report.site == "edit"
    assert [site for site, _ in report.notes] == ["site of n", "backward"]
    assert reports(step_between_forward_and_backward, backward(saving), ledger) == []
    assert reports(data_write, backward(saving), ledger) == []


@given(before=st.integers(0, 4), after=st.integers(0, 4))
def test_only_what_comes_after_saving_counts(before, after):
    ledger = Ledger()
    ledger.version("t")
    for turn in range(before):
        ledger.record(write(("before", turn)))
    saving = node(ledger)
    for turn in range(after):
        ledger.record(write(("after", turn)))
    found = ledger.overwritten(backward(saving))
    assert (found is None) == (after == 0)
    if found is not None:
        assert found.write.site == ("after", 0)


@given(hidden=st.lists(st.booleans(), max_size=6))
def test_hidden_and_seen_changes_are_told_apart(hidden):
    ledger = Ledger()
    saving = node(ledger)
    for turn, flag in enumerate(hidden):
        ledger.record(write(turn, hidden=flag))
    for flag in (False, True):
        found = ledger.overwritten(backward(saving), hidden=flag)
        assert (None if found is None else found.write.site) == (hidden.index(flag) if flag in hidden else None)


def test_a_step_changes_what_it_finds_a_gradient_for():
    ledger = Ledger()
    first, second = node(ledger, "w", ident="a"), node(ledger, "v", ident="b")
    ledger.record(Backward(site="earlier", name="loss", gradients=frozenset(["w"]), keeps_graph=True))
    ledger.record(OptimizerStep(site="step", updater="o", name="opt", gradients=frozenset(["w", "v"])))
    (report,) = reports(step_between_forward_and_backward, backward(first), ledger)
    assert report.site == "step"
    assert "`opt.step()`" in report.message
    assert reports(step_between_forward_and_backward, backward(second), ledger) == []
    assert reports(inplace_on_saved_tensor, backward(first), ledger) == []


def test_freed_buffers_are_met_first():
    ledger = Ledger()
    saving = node(ledger)
    ledger.record(backward(saving))
    ledger.record(write("edit"))
    assert reports(inplace_on_saved_tensor, backward(saving), ledger) == []


def test_nobody_asked_nothing_kept():
    ledger = Ledger()
    for turn in range(100):
        ledger.record(write(turn))
    assert ledger.written() == frozenset()
    saving = node(ledger)
    ledger.record(write("edit"))
    ledger.forget("t")
    assert ledger.overwritten(backward(saving)) is None


def test_the_same_edit_that_did_no_harm_is_acquitted():
    ledger = Ledger()
    ledger.version("t")
    ledger.record(write("edit"))
    said = list(inplace_on_saved_tensor.detect(backward(node(ledger)), ledger))
    assert said == [Acquittal("edit", ("backward", "site of n"))]


@pytest.mark.parametrize("unknown", ["is_leaf", "requires_grad", "recorded"])
def test_a_leaf_is_reported_only_if_all_is_known(unknown):
    facts = {"is_leaf": True, "requires_grad": True, "recorded": True}

    def event(**changed):
        return TensorWrite(site="edit", name="w", operation="-=", **{**facts, **changed})

    assert len(reports(inplace_on_leaf, event(), Ledger())) == 1
    for value in (None, False):
        assert reports(inplace_on_leaf, event(**{unknown: value}), Ledger()) == []
    assert reports(inplace_on_leaf, event(hidden=True), Ledger()) == []
