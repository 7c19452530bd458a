"""Errors of torch stay what they are and are explained; silent forms are found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import gradguard

CARRIED = {
    "a hidden state": """
        cell = nn.RNNCell(2, 3)
        h = torch.zeros(1, 3)
        for _ in range(2):
            h = cell(torch.randn(1, 2), h)
            h.sum().backward()  # <- here
    """,
    "one loss twice": """
        w = torch.ones(2, requires_grad=True)
        loss = w.pow(2).sum()
        for _ in range(2):
            loss.backward()  # <- here
    """,
    "nothing was saved": """
        w = torch.ones(2, requires_grad=True)
        loss = (w + 1).sum()
        for _ in range(2):
            loss.backward()  # <- here
    """,
}


@pytest.mark.parametrize("body", CARRIED.values(), ids=CARRIED)
def test_a_graph_that_is_gone(watched, body):
    assert "backward-twice" in watched(body)
    assert not watched.missing


def test_a_retained_graph_is_no_fault(watched):
    body = "w = torch.ones(2, requires_grad=True)\nloss = w.pow(2).sum()\n"
    assert watched(body + "loss.backward(retain_graph=True)\nloss.backward()\n") == set()


def fail_twice():
    w = torch.ones(2, requires_grad=True)
    hidden = w.exp()
    first = hidden.sum()
    first.backward()
    second = hidden.prod()
    second.backward()


def caught(function):
    try:
        function()
    except RuntimeError as error:
        return error
    raise AssertionError("no error")


def test_the_exception_is_torchs_own_with_a_note():
    plain = caught(fail_twice)
    with gradguard.watch() as report:
        watched = caught(fail_twice)
    assert type(watched) is type(plain)
    assert str(watched) == str(plain)
    (finding,) = report.findings
    (note,) = watched.__notes__
    assert "GG201" in note
    assert "`hidden`" in finding.message
    assert [n.location.line - finding.location.line for n in finding.notes][:2] == [-4, -2]


def test_the_traceback_shows_no_frame_of_the_guard():
    with pytest.raises(RuntimeError) as info, gradguard.watch():
        fail_twice()
    assert not [entry for entry in info.traceback if "gradguard/runtime" in str(entry.path).replace("\\", "/")]
    assert [entry.name for entry in info.traceback][1:] == [
        "fail_twice",
        "backward",
        "backward",
        "_engine_run_backward",
    ]


def test_a_backward_on_a_vector_tells_the_shape(watched):
    body = """
    w = torch.ones(2, 3, requires_grad=True)
    loss = w.pow(2)
    try:
        loss.backward()  # <- here
    except RuntimeError:
        pass
    """
    assert watched(body) == {"non-scalar-backward"}
    (finding,) = watched.report.findings
    assert "(2, 3)" in finding.message
    assert finding.notes[0].location.line == finding.location.line - 2


def test_a_rebound_parameter(watched):
    body = """
    w = torch.ones(2, requires_grad=True)
    for _ in range(2):
        w.pow(2).sum().backward()
        with torch.no_grad():
            w = w - 0.1 * w.grad  # <- here
        w.grad.zero_()
    """
    assert watched(body) == {"parameter-rebound"}
    assert not watched.missing
    assert watched.status == 1
    assert "AttributeError" in watched.errors.getvalue()


def test_an_error_of_another_kind_is_left_alone():
    with gradguard.watch() as report, pytest.raises(RuntimeError, match="does not require grad") as info:
        torch.ones(1).backward()
    assert report.findings == ()
    assert not getattr(info.value, "__notes__", [])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="columns are known since Python 3.11")
def test_the_read_of_a_non_leafs_gradient(watched):
    body = """
    w = torch.ones(2, requires_grad=True) * 2
    w.sum().backward()
    print(w.grad)  # <- here
    print(hasattr(w, "grad"))
    """
    assert watched(body) == {"non-leaf-grad"}
    assert not watched.elsewhere
    (finding,) = watched.report.findings
    assert (finding.location.column, finding.location.end_column) == (7, 13)
    assert "`mul`" in finding.message
    assert watched.warnings, "torch's own warning is still shown"


def test_a_retained_gradient_is_no_fault(watched):
    body = "w = torch.ones(2, requires_grad=True) * 2\nw.retain_grad()\nw.sum().backward()\nprint(w.grad)\n"
    assert watched(body) == set()


def test_a_warning_that_the_user_ignores_stays_unseen(watched):
    body = """
    import warnings
    warnings.simplefilter("ignore")
    w = torch.ones(2, requires_grad=True) * 2
    w.sum().backward()
    print(w.grad)  # <- here
    """
    assert watched(body) == {"non-leaf-grad"}
    assert watched.warnings == []


REBOUND = {
    "a module refuses": """
        class M(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.ones(2))
            def learn(self):
                self.w.pow(2).sum().backward()
                self.w = self.w - 0.1 * self.w.grad  # <- here
        M().learn()
    """,
    "the gradient goes through another variable": """
        w = torch.ones(2, requires_grad=True)
        speed = torch.zeros(2)
        for _ in range(2):
            w.pow(2).sum().backward()
            speed = 0.9 * speed + w.grad
            w = w - 0.1 * speed  # <- here
    """,
}


@pytest.mark.parametrize("body", REBOUND.values(), ids=REBOUND)
def test_other_ways_to_lose_a_parameter(watched, body):
    assert watched(body) == {"parameter-rebound"}
    assert not watched.missing


def carry(cell, state):
    head = torch.nn.Linear(3, 1)
    for _ in range(3):
        state = cell(torch.randn(1, 2), state)
        output = state[0] if isinstance(state, tuple) else state
        loss = head(output).pow(2).mean()
        loss.backward()


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell"])
def test_a_state_that_is_rebound_in_each_turn_is_named(kind):
    """The old state is gone: what was computed from it has its name."""
    cell = getattr(torch.nn, kind)(2, 3)
    first = torch.zeros(1, 3)
    with gradguard.watch():
        error = caught(lambda: carry(cell, (first, first) if kind == "LSTMCell" else first))
    (note,) = error.__notes__
    assert "the graph of `state" in note
    assert "cut the graph where `state" in note


def test_a_function_that_is_only_defined_counts_as_no_file_of_the_run(watched, tmp_path, monkeypatch):
    """Two files define a Function of one name, and one of them is only imported."""
    monkeypatch.syspath_prepend(tmp_path)
    square = "class Square(torch.autograd.Function):\n    @staticmethod\n"
    square += "    def forward(ctx, x, k):\n        return x * k\n\n"
    backward = "    @staticmethod\n    def backward(ctx, grad):\n        return {}\n\n"
    other = tmp_path / "a_module_that_is_imported.py"
    other.write_text("import torch\n\n" + square + backward.format("grad, None"))
    body = "import a_module_that_is_imported\n\n" + square + backward.format("grad  # <- here")
    body += "x = torch.ones(2, requires_grad=True)\nSquare.apply(x, 2.0).sum().backward()\n"
    assert "function-gradient-count" in watched(body)
    assert not watched.missing
    assert other.name not in {Path(path).name for path in watched.report.files}
