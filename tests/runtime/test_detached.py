"""Backward passes without a graph: torch's error stays what it is, and both halves name the line that cut the graph."""

from __future__ import annotations

import gc
import textwrap
import weakref

import pytest
import torch
from torch import nn

import gradguard
from gradguard.static.check import check_source

HEAD = """
model = nn.Linear(3, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
"""

CUTS = {
    "no_grad": """
        with torch.no_grad():  # <- cause
            out = model(x)
        loss = nn.functional.cross_entropy(out, y)
        loss.backward()  # <- here
    """,
    "a decorator": """
        @torch.no_grad()  # <- cause
        def forward(batch):
            return model(batch)
        loss = nn.functional.cross_entropy(forward(x), y)
        loss.backward()  # <- here
    """,
    "a mode that is left on": """
        def validate():
            torch.set_grad_enabled(False)  # <- cause
            return model(x).mean().item()
        for _ in range(2):
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()  # <- here
            validate()
    """,
    "detach": """
        out = model(x).detach()  # <- cause
        loss = nn.functional.cross_entropy(out, y)
        loss.backward()  # <- here
    """,
    "data": """
        out = model(x)
        loss = nn.functional.cross_entropy(out.data, y)  # <- cause
        loss.backward()  # <- here
    """,
    "argmax": """
        predicted = model(x).argmax(dim=1)  # <- cause
        loss = (predicted - y).float().pow(2).mean()
        loss.backward()  # <- here
    """,
    "a comparison": """
        out = model(x)
        hard = (out > 0).float()  # <- cause
        loss = hard.mean()
        loss.backward()  # <- here
    """,
    "numbers": """
        total = 0.0
        for row, label in zip(x, y):
            total += nn.functional.cross_entropy(model(row), label).item()  # <- cause
        loss = torch.tensor(total)
        loss.backward()  # <- here
    """,
    "a new tensor": """
        losses = [model(row).sum() for row in x]
        loss = torch.tensor(losses).mean()  # <- cause
        loss.backward()  # <- here
    """,
    "numpy in a function": """
        def metric(out):
            return torch.from_numpy(out.detach().numpy()).mean()  # <- cause
        loss = metric(model(x))
        loss.backward()  # <- here
    """,
    "frozen": """
        for parameter in model.parameters():
            parameter.requires_grad = False  # <- cause
        loss = model(x).mean()
        loss.backward()  # <- here
    """,
    "autograd.grad": """
        out = model(x.requires_grad_())
        gradient = torch.autograd.grad(out.sum(), x)[0]  # <- cause
        loss = gradient.norm()
        loss.backward()  # <- here
    """,
    "an argument": """
        def learn(loss):
            optimizer.zero_grad()
            loss.backward()  # <- here
            optimizer.step()
        learn(model(x).mean().detach())  # <- cause
    """,
}


@pytest.fixture(autouse=True)
def grad_mode():
    yield
    torch.set_grad_enabled(True)


def lines_of(text: str, mark: str) -> set[int]:
    return {number for number, line in enumerate(text.split("\n"), 1) if mark in line}


@pytest.mark.parametrize("body", CUTS.values(), ids=CUTS)
def test_both_halves_name_the_line_that_cuts_the_graph(watched, body):
    text = HEAD + textwrap.dedent(body)
    assert watched(text) == {"detached-backward"}
    assert not watched.missing
    assert not watched.elsewhere
    (finding,) = watched.report.findings
    source = "import torch\nfrom torch import nn\n" + textwrap.dedent(text).strip("\n") + "\n"
    cause = lines_of(source, "# <- cause")
    assert {note.location.line for note in finding.notes} == cause
    (told,) = check_source(source).findings
    assert (told.rule, told.location.line) == (finding.rule, finding.location.line)
    assert {note.location.line for note in told.notes} == cause


def fail():
    model = nn.Linear(3, 2)
    loss = model(torch.ones(1, 3)).argmax().float()
    loss.backward()


def caught(function):
    try:
        function()
    except RuntimeError as error:
        return error
    raise AssertionError("no error")


def test_the_exception_is_torchs_own_with_a_note():
    plain = caught(fail)
    with gradguard.watch() as report:
        watched = caught(fail)
    assert type(watched) is type(plain)
    assert watched.args == plain.args
    (note,) = watched.__notes__
    assert "GG203" in note
    assert "argmax" in note
    (finding,) = report.findings
    assert [note.location.line - finding.location.line for note in finding.notes] == [-1]


def test_the_diagnosis_keeps_nothing_alive():
    held = []

    def failing():
        loss = nn.Linear(3, 2)(torch.ones(1, 3)).detach().mean()
        held.append(weakref.ref(loss))
        loss.backward()

    with gradguard.watch() as report:
        caught(failing)
        gc.collect()
        assert held[0]() is None
    assert len(report.findings) == 1


def test_an_expected_error_is_no_fault():
    with gradguard.watch() as report, pytest.raises(RuntimeError, match="does not require grad"):
        fail_here()
    assert report.findings == ()


def fail_here():
    torch.ones(1).backward()


def test_a_leaf_that_takes_turns_with_a_real_loss_is_no_fault(watched):
    body = """
        model = nn.Linear(3, 1)
        for turn in range(4):
            loss = model(torch.ones(2, 3)).mean()
            if turn % 2:
                loss = torch.tensor(loss.item(), requires_grad=True)
            loss.backward()
            model.zero_grad()
    """
    assert watched(body) == set()


def test_one_mistake_is_told_once(watched):
    body = """
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            loss = (model(torch.ones(2, 3)).argmax(1) > 0).float().mean()
            optimizer.zero_grad()
            try:
                loss.backward()  # <- here
            except RuntimeError:
                pass
            optimizer.step()
    """
    assert watched(body) == {"detached-backward"}
    assert not watched.missing
    assert not watched.elsewhere
