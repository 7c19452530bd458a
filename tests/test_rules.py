"""Each rule's page: its bad example is found at the marked line, its good one is not, and both run as they say."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from gradguard import catalogue
from gradguard.static.check import check_source

RULES = catalogue.all_rules()

pytestmark = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def marked(text: str) -> list[int]:
    return [number for number, line in enumerate(text.split("\n"), 1) if "# <- here" in line]


def checked(rule) -> tuple:
    """The rules that are on by default, and this one."""
    return tuple(other for other in RULES if other.default or other is rule)


def test_the_bad_example_is_found_at_its_line(rule) -> None:
    findings = check_source(rule.bad, rules=checked(rule)).findings
    expected = [] if not rule.in_source else [(rule.name, line) for line in marked(rule.bad)]
    assert [(finding.rule, finding.location.line) for finding in findings] == expected


def test_the_good_example_is_silent(rule) -> None:
    assert check_source(rule.good, rules=checked(rule)).findings == ()


def test_the_examples_run(rule, tmp_path) -> None:
    pytest.importorskip("torch")
    for name, text in (("good", rule.good), ("bad", rule.bad)):
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        ran = subprocess.run([sys.executable, "-W", "ignore", str(path)], capture_output=True, text=True, check=False)
        assert (ran.returncode != 0) == (name == "bad" and rule.raises), ran.stderr


def test_the_page_is_complete(rule) -> None:
    assert rule.code.startswith("GG")
    assert len(rule.code) == 5
    assert rule.code[2:].isdigit()
    assert len(marked(rule.bad)) == 1
    assert rule.summary
    assert rule.why.endswith(".")
    assert rule.instead.endswith((".", "`"))
