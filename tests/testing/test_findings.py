"""`no_findings()`: as a context manager, as a decorator, and in unittest classes."""

from __future__ import annotations

import pickle
import sys
import unittest

import pytest
import torch

from gradguard.testing import no_findings
from gradguard.testing.findings import PitfallsFound


def train(clear: bool) -> None:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        loss = (w**2).sum()
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_correct_code_passes():
    with no_findings() as report:
        train(clear=True)
    assert report.findings == ()


def test_a_pitfall_fails_at_the_end_of_the_block():
    reached = []

    def block():
        train(clear=False)
        reached.append(True)

    with pytest.raises(PitfallsFound) as info, no_findings():
        block()
    assert reached
    text = str(info.value)
    assert "GG101 missing-zero-grad" in text
    assert "test_findings.py" in text
    assert "loss.backward()" in text
    assert "^^^" in text
    assert "instead: " in text
    assert [finding.rule for finding in info.value.findings] == ["missing-zero-grad"]


def test_select_and_ignore():
    with no_findings(ignore=["missing-zero-grad"]):
        train(clear=False)
    with no_findings(select=["GG2"]):
        train(clear=False)
    with pytest.raises(PitfallsFound), no_findings(select=["GG1"]):
        train(clear=False)


def test_an_exception_of_the_block_comes_through():
    def block():
        train(clear=False)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), no_findings():
        block()


def test_as_a_decorator():
    @no_findings()
    def run(clear, depth=0):
        train(clear)
        return depth if depth == 2 else run(clear, depth + 1)

    assert run(clear=True) == 2
    with pytest.raises(PitfallsFound):
        run(clear=False)


def test_the_exception_can_be_pickled():
    with pytest.raises(PitfallsFound) as info, no_findings():
        train(clear=False)
    again = pickle.loads(pickle.dumps(info.value))
    assert str(again) == str(info.value)
    assert again.findings == info.value.findings


@pytest.mark.skipif(sys.version_info < (3, 11), reason="enterContext is new in 3.11")
def test_in_a_unittest_class():
    class Guarded(unittest.TestCase):
        def setUp(self):
            self.enterContext(no_findings())

        def test_right(self):
            train(clear=True)

        def test_wrong(self):
            train(clear=False)

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Guarded).run(result)
    assert result.testsRun == 2
    ((test, text),) = result.errors + result.failures
    assert test.id().endswith("test_wrong")
    assert "missing-zero-grad" in text
