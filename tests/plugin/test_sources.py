"""`pytest --gradguard-check`: files as items."""

from __future__ import annotations

import json

import pytest

BAD = """\
import torch

w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    (w * w).sum().backward()
    optimizer.step()
"""
GOOD = BAD.replace("    optimizer.step()", "    optimizer.step()\n    optimizer.zero_grad()")


@pytest.fixture
def project(suite):
    suite.write(BAD, "package/train.py", plain=True)
    suite.write(GOOD, "package/good.py", plain=True)
    suite.write("", "package/__init__.py", plain=True)
    suite.write("def test_it():\n    assert True\n", "test_it.py", plain=True)
    return suite


def test_each_file_is_an_item(project):
    cell = {"cell_type": "code", "source": BAD.splitlines(keepends=True), "metadata": {}, "outputs": []}
    notebook = {"cells": [{"cell_type": "markdown", "source": ["text"], "metadata": {}}, cell]}
    (project.folder / "note.ipynb").write_text(json.dumps({**notebook, "nbformat": 4, "metadata": {}}))
    ran = project.run("--gradguard-check", "-v")
    assert ran.code == 1
    assert "package/train.py::gradguard FAILED" in ran.output
    assert "package/good.py::gradguard PASSED" in ran.output
    assert "note.ipynb::gradguard FAILED" in ran.output
    assert "test_it.py::gradguard PASSED" in ran.output
    assert "test_it.py::test_it PASSED" in ran.output
    texts = [report.text for report in ran.reports if report.kind == "failed"]
    assert sorted(text.partition(": this")[0] for text in texts) == [
        "GG101 missing-zero-grad at note.ipynb, cell 2:6",
        "GG101 missing-zero-grad at package/train.py:6",
    ]
    sections = [report.sections["gradguard"] for report in ran.reports if report.kind == "failed"]
    assert all("(w * w).sum().backward()" in section for section in sections)
    assert "GG101 missing-zero-grad: 2 tests, at " in ran.output
    assert "note.ipynb:cell 2:6:5" in ran.output
    assert "gradguard check package/train.py" in ran.output


def test_what_is_configured_holds(project):
    project.write(BAD, "old/train.py", plain=True)
    project.write(BAD.replace("backward()", "backward()  # noqa: GG101"), "package/quiet.py", plain=True)
    (project.folder / "pyproject.toml").write_text(
        '[tool.gradguard]\nextend-exclude = ["old"]\n[tool.gradguard.per-file-ignores]\n"package/train.py" = ["GG1"]\n'
    )
    ran = project.run("--gradguard-check", "-v")
    assert ran.code == 0
    assert "old/train.py" not in ran.output
    ran = project.run("--gradguard-check", "-v", "--gradguard-ignore=GG101", "old/train.py")
    assert ran.code == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_file_that_cannot_be_checked_fails(project):
    project.write("def broken(:\n    loss.backward()\n", "package/broken.py", plain=True)
    ran = project.run("--gradguard-check", "package")
    (report,) = [report for report in ran.reports if report.kind == "failed" and "GG101" not in report.text]
    assert report.text.startswith("could not be checked: line 1: ")


def test_both_halves_in_one_run(suite):
    suite.write("def test_it():\n    pitfall()\n")
    ran = suite.run("--gradguard", "--gradguard-check")
    assert [report.test for report in ran.reports if report.kind == "failed"] == ["gradguard", "test_it"]
    assert "GG101 missing-zero-grad: 2 tests, at test_it.py:11:9\n" in ran.output


def test_with_workers(project):
    pytest.importorskip("xdist")
    ran = project.run("--gradguard-check", "-n", "2", plugins=("xdist",), apart=True)
    assert [report.kind for report in ran.reports if report.kind != "passed"] == ["failed"]
    assert "GG101 missing-zero-grad: 1 test, at package/train.py:6:5" in ran.output


def test_a_named_file_is_not_imported(project):
    """Only a file of tests is. What is named is checked, and not run."""
    project.write("1 / 0  # imported\n" + BAD, "package/script.py", plain=True)
    ran = project.run("--gradguard-check", "-v", "package/script.py", "test_it.py")
    assert ran.code == 1
    assert "package/script.py::gradguard FAILED" in ran.output
    assert "test_it.py::test_it PASSED" in ran.output
    assert "ZeroDivisionError" not in ran.output
