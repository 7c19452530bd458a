"""Rules on graphs that are kept, with made-up events: what they say depends on the facts alone."""

from __future__ import annotations

import pytest

from gradguard.catalogue import find
from gradguard.events import FunctionReturn, FunctionStore, GraphKept, GraphRetained
from gradguard.ledger import Ledger
from gradguard.rule import Acquittal, Report


def said(name, event):
    return [type(verdict) for verdict in find(name).detect[type(event)](event, Ledger())]


def kept(**facts):
    return GraphKept(**{"site": 1, "holder": "total", "value": "loss", "kind": "sum", **facts})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Report),
        ({"kind": "list"}, Report),
        ({"kind": "list", "bound": 1000}, Report),
        ({"kind": "list", "bound": 20}, Acquittal),
        ({"kind": "list", "bound": 0}, Acquittal),
        ({"grows": False}, Acquittal),
    ],
)
def test_graph_leak(facts, expected):
    assert said("graph-leak", kept(**facts)) == [expected]


@pytest.mark.parametrize("value", ["loss", "out.loss", "loss * 2"])
def test_the_repair_of_a_leak_can_be_written_down(value):
    (report,) = find("graph-leak").detect[GraphKept](kept(value=value), Ledger())
    assert "``" not in report.message + report.help
    assert (f"`{value}.item()`" in report.help) == (value in ("loss", "out.loss"))


@pytest.mark.parametrize(
    ("asks", "used", "carried", "retain", "create"),
    [
        ("retain", False, "", [Report], []),
        ("retain", True, "", [Acquittal], []),
        ("retain", True, "hidden", [Report], []),
        ("retain", None, "", [Acquittal], []),
        ("create", False, "", [], [Report]),
        ("create", True, "", [], [Acquittal]),
        ("create", None, "", [], [Acquittal]),
    ],
)
def test_retained_graphs(asks, used, carried, retain, create):
    event = GraphRetained(site=1, name="loss", asks=asks, used=used, carried=carried)
    assert said("needless-retain-graph", event) == retain
    assert said("create-graph-leak", event) == create


@pytest.mark.parametrize(
    ("inputs", "needed", "given", "spare", "expected"),
    [
        (2, 2, 2, False, []),
        (2, 2, 1, False, [Report]),
        (2, 1, 1, False, []),
        (2, 2, 3, True, []),
        (2, 2, 3, False, [Report]),
    ],
)
def test_counts_of_gradients(inputs, needed, given, spare, expected):
    event = FunctionReturn(site=1, function="F", inputs=inputs, needed=needed, given=given, spare=spare)
    assert said("function-gradient-count", event) == expected


@pytest.mark.parametrize(("role", "expected"), [("input", [Report]), ("output", [Report]), (None, [])])
def test_what_a_context_keeps(role, expected):
    event = FunctionStore(site=1, function="F", context="ctx", attribute="x", name="x", role=role)
    assert said("function-save-for-backward", event) == expected
