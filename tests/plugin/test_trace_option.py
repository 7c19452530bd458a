"""`pytest --gradguard-trace`: the places that only a traced run knows."""

from __future__ import annotations

import pytest

TEST = """
import torch

def test_it():
    w = torch.ones(2, requires_grad=True)
    for h in [w * 2]:
        h.sum().backward()
        h.grad
"""


@pytest.mark.parametrize(
    ("options", "ini", "told"),
    [([], "", False), (["--gradguard-trace"], "", True), ([], "gradguard_trace = true", True)],
)
def test_the_place_of_the_operation(pytester, options, ini, told):
    pytester.makepyfile(TEST)
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = pytester.runpytest_subprocess("--gradguard", *options, "-W", "ignore")
    result.assert_outcomes(failed=1)
    assert ("makes it a non-leaf tensor" in result.stdout.str()) is told
