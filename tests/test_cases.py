"""The labelled programs under `cases/`: each fault is found at its line, and no correct program is accused.

`# expect: GG101` marks the guilty line; `# also: GG101` a line that is as good. What the static half does not see is
listed in MISSED with the reason, and must really be missed: a case that is found by now is taken off the list.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradguard.catalogue import all_rules
from gradguard.static.check import check_paths

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.glob("*/*.py"))
EXAMPLES = sorted((CASES.parent.parent / "examples").glob("**/*.py"))
MARK = re.compile(r"# (expect|also): (GG\d\d\d)")

MISSED = {
    "backward-twice/bad_replayed_log_probs": "what random.sample picks from a memory is not followed",
    "missing-zero-grad/bad_first_group_only": "an optimizer class with a zero_grad of its own is taken at its word",
    "missing-zero-grad/bad_sam_second_pass": "a step after a perturbation by another updater: see the ledger",
    "missing-zero-grad/bad_second_optimizer_in_list": "which parameters a condition picks is not known",
    "zero-grad-before-step/bad_micro_batches_while": "a counter that is reset when it reaches a number is not followed",
    "zero-grad-before-step/bad_real_gradient_dropped": "dropping one of two gradients on purpose looks the same",
}

# A formula that is wrong is seen by comparing numbers: `gradguard.testing.check_function` does.
SHOWN_BY_RUNNING = {"GG604"}


def marks(path: Path) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    found: dict[str, set[tuple[int, str]]] = {"expect": set(), "also": set()}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        for kind, code in MARK.findall(line):
            found[kind].add((number, code))
    return found["expect"], found["also"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path) -> None:
    expected, also = marks(path)
    result = check_paths([str(path)])
    assert result.errors == ()
    found = {(finding.location.line, finding.code) for finding in result.findings}
    if not expected:
        assert found == set(), [finding.message for finding in result.findings]
        return
    codes = {code for _, code in expected}
    if codes <= SHOWN_BY_RUNNING:
        assert found == set(), [finding.message for finding in result.findings]
        return
    hit = expected <= found or bool(found & {mark for mark in also if mark[1] in codes})
    name = f"{path.parent.name}/{path.stem}"
    assert hit != (name in MISSED), "found by now: take it off the list" if hit else f"not found; found {found}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path) -> None:
    """The correct examples are silent, and each broken one is reported at its marked line and nowhere else."""
    expected, _ = marks(path)
    assert bool(expected) == (path.parent.name == "broken")
    seen = {rule.code for rule in all_rules()} - SHOWN_BY_RUNNING
    expected = {(line, code) for line, code in expected if code in seen}
    assert {(finding.location.line, finding.code) for finding in check_paths([str(path)]).findings} == expected


def test_enough_look_alikes() -> None:
    bad = [path for path in FILES if path.name.startswith("bad_")]
    assert len(FILES) - len(bad) >= len(bad), "test as many correct look-alikes as faults"
