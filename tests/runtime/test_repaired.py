"""A repair takes the fault away at run time too: the repaired example runs, and nothing is found in it."""

from __future__ import annotations

import pytest

from gradguard import check_source
from gradguard.catalogue import all_rules
from gradguard.static.check import check_bytes
from gradguard.static.fixing import fix_bytes

REPAIRED = [rule for rule in all_rules() if any(finding.fix for finding in check_source(rule.bad).findings)]


def test_most_rules_have_a_repair():
    assert len(REPAIRED) >= 20


@pytest.mark.parametrize("rule", REPAIRED, ids=lambda rule: rule.name)
def test_the_fault_is_gone(watched, rule):
    bad = rule.bad.encode()
    good, fixed = fix_bytes(bad, "a.py", check_bytes(bad, "a.py").findings, check_bytes, unsafe=True)
    assert fixed
    assert watched(good.decode()) == set()
    assert not watched.status
