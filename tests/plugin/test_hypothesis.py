"""Tests with `@given`: each example has a watch of its own, and a finding in it is shrunk."""

from __future__ import annotations

HEAD = """
from hypothesis import assume, given, settings, strategies as st

settings.register_profile("test", database=None, derandomize=True, deadline=None)
settings.load_profile("test")
"""


def test_a_failing_example_is_shrunk_to_a_minimal_one(suite):
    suite.write(
        HEAD
        + """
@given(st.integers(0, 20), st.booleans())
def test_it(steps, clear):
    if clear:
        correct(steps)
    else:
        pitfall(steps)
"""
    )
    ran = suite.run("--gradguard")
    report = ran.one("test_it")
    assert "GG101 missing-zero-grad at test_it.py:11" in report.text
    example = report.text.partition("test_it(")[2].partition(")")[0]
    assert "steps=2," in example, "the second of two steps uses a stale gradient"
    assert "clear=False" in example
    assert "loss.backward()" in report.sections["gradguard"]
    assert "Flaky" not in ran.output


def test_different_pitfalls_are_different_failures(suite):
    suite.write(
        HEAD
        + """
@given(st.integers(0, 100), st.booleans())
def test_it(size, twice):
    if size >= 10 and not twice:
        pitfall(size)
    if size >= 30 and twice:
        loss = torch.ones(2, requires_grad=True).exp().sum()
        loss.backward()
        try:
            loss.backward()
        except RuntimeError:
            pass
"""
    )
    text = suite.run("--gradguard").one("test_it").text
    assert "size=10," in text
    assert "size=30," in text
    assert "GG101" in text
    assert "GG201" in text


def test_no_example_hears_of_another(suite):
    """What needs to be seen twice must be seen twice in one example; otherwise its replay would pass."""
    suite.write(
        HEAD
        + """
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)

@given(st.integers(0, 20))
def test_shared(number):
    (w * w).sum().backward()
    optimizer.step()

@given(st.integers(0, 20))
def test_zeroed_once(number):
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.zero_grad()
    optimizer.step()

@given(st.integers(0, 20))
def test_fresh_tensors(number):
    correct(number)
"""
    )
    ran = suite.run("--gradguard")
    assert ran.code == 0, ran.output


def test_examples_that_do_not_count(suite):
    suite.write(
        HEAD
        + """
@given(st.booleans())
def test_it(number):
    pitfall()
    assume(False)
    assert False
"""
    )
    ran = suite.run("--gradguard")
    assert "GG101" not in ran.one("test_it").text, "hypothesis finds no example that satisfies the assumption"


def test_its_own_failure_is_kept_with_the_finding_beside_it(suite):
    suite.write(
        HEAD
        + """
@given(st.integers(0, 20))
def test_it(steps):
    pitfall(min(steps, 1))
    if steps > 4:
        pitfall(steps)
        raise ValueError("its own")
"""
    )
    report = suite.run("--gradguard").one("test_it")
    assert "ValueError: its own" in report.text
    assert "steps=5" in report.text
    assert "GG101" in report.sections["gradguard"]


def test_methods_explicit_examples_and_mode_warn(suite):
    suite.write(
        HEAD
        + """
import unittest
from hypothesis import example

class TestMethods:
    @given(st.integers(0, 20))
    def test_it(self, steps):
        pitfall(steps)

class TestCase(unittest.TestCase):
    @given(st.integers(0, 20))
    def test_it(self, steps):
        pitfall(steps)

@given(st.just(0))
@example(7)
def test_example(steps):
    pitfall(steps)

@pytest.mark.gradguard(mode="warn")
@given(st.integers(0, 20))
def test_warn(steps):
    pitfall(steps)
"""
    )
    ran = suite.run("--gradguard", "-W", "default")
    assert "steps=2" in ran.one("TestMethods::test_it").text
    assert "steps=2" in ran.one("TestCase::test_it").text
    assert "7" in ran.one("test_example").text
    assert ran.kinds("test_warn") == "passed passed passed"
    assert "GG101" in ran.one("test_warn").sections["gradguard"]
