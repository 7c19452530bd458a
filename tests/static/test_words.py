"""Patterns that remember which names they are in."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gradguard.static.words import Words

PATTERN = r"(^|_)opt(_|\d|$)|sched"


@given(st.lists(st.text("optsched_1", max_size=12), max_size=30))
def test_answers_are_those_of_the_pattern_however_often_one_asks(names: list[str]) -> None:
    words = Words(PATTERN, re.IGNORECASE)
    for name in [*names, *reversed(names), *(name.upper() for name in names)]:
        assert words.search(name) is (re.search(PATTERN, name, re.IGNORECASE) is not None)


def test_it_does_not_remember_without_bound(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("gradguard.static.words._MOST", 3)
    words = Words("a")
    assert [words.search(name) for name in ("a", "b", "ca", "d", "ea", "b")] == [True, False, True, False, True, False]
    assert len(words._known) <= 3
