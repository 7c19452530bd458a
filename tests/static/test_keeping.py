"""graph-leak where the source leaves much open: unknown models, meters of other files."""

from __future__ import annotations

import pytest

from gradguard.static.check import check_source

PROGRAM = """
import torch


def train(model, optimizer, loader, criterion):
    total, count = 0, 0
    for x, y in loader:
        optimizer.zero_grad()
        out = model(x)
        loss = criterion(out, y)
        loss.backward()
        optimizer.step()
        {statement}
    return total / count
"""


def found(statement: str) -> list[tuple[str, int]]:
    result = check_source(PROGRAM.format(statement=statement))
    assert result.errors == ()
    return [(finding.rule, finding.location.line) for finding in result.findings]


@pytest.mark.parametrize("statement", ["total += loss", "total = total + loss * x.size(0)"])
def test_a_loss_of_an_unknown_model_is_summed(statement: str) -> None:
    assert found(statement) == [("graph-leak", 13)]


@pytest.mark.parametrize(
    "statement",
    [
        "count += out.size(0)",
        "count += out.shape[0]",
        "count += out.numel()",
        "total += loss.item() * out.size(0)",
        "total += (out.argmax(1) == y).sum()",
        "total += float(loss)",
    ],
)
def test_sizes_and_numbers_have_no_graph(statement: str) -> None:
    assert found(statement) == []
