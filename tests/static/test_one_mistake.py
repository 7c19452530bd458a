"""One mistake is one report: what follows from it is not reported a second time."""

from __future__ import annotations

import textwrap

import pytest

from gradguard.static.check import check_source


def found(text: str) -> list[tuple[str, int]]:
    return [
        (finding.code, finding.location.line) for finding in check_source(textwrap.dedent(text).strip("\n")).findings
    ]


@pytest.mark.parametrize("update", ["w = w - 0.1 * w.grad", "w = torch.sub(w, 0.1 * w.grad)"])
def test_a_rebound_parameter_is_not_a_non_leaf_as_well(update: str) -> None:
    assert found(f"""
        import torch
        w = torch.ones(2, requires_grad=True)
        for _ in range(3):
            w.pow(2).sum().backward()
            {update}
            w.grad.zero_()
    """) == [("GG302", 5)]


@pytest.mark.parametrize(
    ("statement", "line"), [("optimizer.zero_grad", 5), ("loss.backward", 7), ("optimizer.step", 8)]
)
def test_an_uncalled_method_is_only_that(statement: str, line: int) -> None:
    source = textwrap.dedent("""
        import torch
        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(torch.ones(4, 2)), torch.ones(4, 1))
            loss.backward()
            optimizer.step()
    """).strip("\n")
    assert found(source) == []
    assert found(source.replace(f"{statement}()", statement)) == [("GG401", line)]
    if statement == "loss.backward":
        vector = source.replace("ones(4, 1))", "ones(4, 1), reduction='none')")
        assert found(vector.replace(f"{statement}()", statement)) == [("GG401", line)]


def test_a_step_that_is_not_called_is_no_step_without_a_backward() -> None:
    source = """import torch
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
w.sum().backward()
optimizer.step()
optimizer.zero_grad()
optimizer.step
"""
    assert [finding.code for finding in check_source(source).findings] == ["GG401"]
