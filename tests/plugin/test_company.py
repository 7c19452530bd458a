"""Together with other plugins of pytest: pytest-xdist, pytest-randomly, pytest-rerunfailures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest


def test_the_reports_of_workers_reach_the_summary_and_junit(suite):
    pytest.importorskip("xdist")
    for name in ("one", "two", "three"):
        suite.write("def test_bad():\n    pitfall()\n\ndef test_good():\n    correct()\n", f"test_{name}.py")
    ran = suite.run("--gradguard", "-n", "2", "--junitxml=junit.xml", plugins=("xdist",), apart=True)
    places = "test_one.py:11:9", "test_three.py:11:9", "test_two.py:11:9"
    assert "GG101 missing-zero-grad: 3 tests, at " in ran.output
    assert all(place in ran.output for place in places)
    assert [report.kind for report in ran["test_bad"] if report.when == "call"] == ["failed"] * 3
    assert all("loss.backward()" in report.sections["gradguard"] for report in ran["test_bad"] if report.when == "call")
    values = [held.get("value") for held in ET.parse(suite.folder / "junit.xml").iter("property")]
    assert len(values) == 3


def test_random_order(suite):
    pytest.importorskip("pytest_randomly")
    suite.write("""
        import random

        w = torch.ones(2, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)

        @pytest.mark.parametrize("turn", range(4))
        def test_shared(turn):
            (w * w).sum().backward()
            optimizer.step()

        @pytest.mark.parametrize("turn", range(4))
        def test_bad(turn):
            pitfall()

        def test_numbers():
            torch.manual_seed(0)
            correct()
            print("<drawn", random.random(), torch.rand(1).item(), ">")
    """)
    for seed in (1, 2):
        drawn = set()
        for how in ([], ["--gradguard"]):
            ran = suite.run(*how, "-s", f"--randomly-seed={seed}", plugins=("randomly",))
            drawn |= set(re.findall("<drawn.*>", ran.output))
        assert len(drawn) == 1, "not a number has changed"
        assert {report.test for report in ran.reports if report.kind == "failed"} == {
            f"test_bad[{n}]" for n in range(4)
        }


def test_reruns(suite):
    pytest.importorskip("pytest_rerunfailures")
    suite.write("""
        runs = {"once": 0, "always": 0}

        def test_once():
            runs["once"] += 1
            if runs["once"] == 1:
                pitfall()

        def test_always():
            runs["always"] += 1
            pitfall()
            assert runs["always"] > 1, "its own"

        @pytest.fixture
        def sometimes():
            runs["set-up"] = runs.get("set-up", 0) + 1
            if runs["set-up"] == 1:
                pitfall()

        def test_set_up(sometimes):
            correct()
    """)
    ran = suite.run("--gradguard", "--reruns=1", plugins=("rerunfailures",))
    assert ran.kinds("test_once") == "passed rerun passed passed passed passed"
    assert ran.kinds("test_always") == "passed rerun passed passed failed passed"
    assert "passed" in ran.kinds("test_set_up").split()
    first, second = [report for report in ran["test_always"] if report.when == "call"]
    assert "its own" in first.text
    assert second.text.startswith("GG101")
    assert [report.properties for report in ran["test_once"]][-1] == [], "the run that counts has found nothing"
