"""Edits in texts: laws that hold for any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard import edits
from gradguard.finding import Edit, Fix, Location


def edit(line: int, column: int, end_line: int, end_column: int, text: str) -> Edit:
    return Edit(Location("a.py", line, column, end_line, end_column), text)


def fix(*parts: Edit) -> Fix:
    return Fix("", parts, safe=True)


TEXT = "a = 1\nb = 2\n"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], TEXT),
        ([edit(1, 1, 1, 1, "x\n")], "x\na = 1\nb = 2\n"),
        ([edit(2, 5, 2, 6, "3"), edit(1, 1, 1, 2, "c")], "c = 1\nb = 3\n"),
        ([edit(1, 1, 2, 1, "")], "b = 2\n"),
        ([edit(3, 1, 3, 1, "c\n")], "a = 1\nb = 2\nc\n"),
        ([edit(1, 6, 1, 6, "!"), edit(1, 6, 1, 6, "!")], "a = 1!\nb = 2\n"),
        ([edit(1, 6, 1, 6, "!"), edit(1, 6, 1, 6, "?")], "a = 1!?\nb = 2\n"),
    ],
)
def test_apply(parts: list[Edit], expected: str) -> None:
    assert edits.apply(TEXT, parts) == expected
    assert edits.apply(TEXT.replace("\n", "\r\n"), parts) == expected.replace("\n", "\r\n")


def test_a_line_behind_a_last_line_without_end() -> None:
    assert edits.apply("a", [edit(2, 1, 2, 1, "b\n")]) == "a\nb"
    assert edits.apply("c\r\na", [edit(3, 1, 3, 1, "b\n")]) == "c\r\na\r\nb"
    assert edits.apply("a\nb", [edit(2, 1, 3, 1, "")]) == "a\n"


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        edits.apply(TEXT, [edit(1, 1, 1, 4, "x"), edit(1, 3, 1, 5, "y")])


def test_compatible() -> None:
    first, inside, behind, same = (
        fix(edit(1, 1, 1, 4, "x")),
        fix(edit(1, 2, 1, 2, "y")),
        fix(edit(1, 4, 1, 4, "z")),
        fix(edit(1, 1, 1, 4, "x"), edit(2, 1, 2, 1, "w")),
    )
    assert edits.compatible([first, inside, behind, same]) == [first, behind, same]
    assert edits.compatible([inside, first]) == [inside]


@given(
    st.text(alphabet="ab\n\r é", max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.text("xy\n", max_size=3)), max_size=8),
)
def test_the_same_as_slicing_from_behind(text: str, raw: list[tuple[int, int, str]]) -> None:
    starts = edits.line_starts(text)

    def place(offset: int) -> tuple[int, int]:
        line = max(index for index, start in enumerate(starts) if start <= offset)
        return line + 1, offset - starts[line] + 1

    # Offsets inside of "\r\n" are no places in a file.
    cuts = sorted({min(offset, len(text)) for offset, _, _ in raw})
    spans, end = [], 0
    for offset, (_, length, replacement) in zip(cuts, raw, strict=False):
        stop = min(offset + length, len(text))
        if offset >= end and all(text[max(at - 1, 0) : at + 1] != "\r\n" for at in (offset, stop)):
            spans.append((offset, stop, replacement))
            end = stop + 1
    found = edits.apply(text, [edit(*place(start), *place(stop), new) for start, stop, new in spans])
    newline = re.search(r"\r\n|\r|\n", text)
    expected = text
    for start, stop, new in reversed(spans):
        expected = expected[:start] + new.replace("\n", newline[0] if newline else "\n") + expected[stop:]
    assert found == expected
