"""Text edits: put them into a text, keep those that do not get in each other's way."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from gradguard.finding import Edit, Fix, Location

__all__ = ["apply", "compatible", "line_starts", "resolved", "span"]

_Range: TypeAlias = "tuple[tuple[int, int], tuple[int, int]]"

_NEWLINE = re.compile(r"\r\n|\r|\n")


def line_starts(text: str) -> list[int]:
    """The offsets at which lines begin."""
    return [0, *(match.end() for match in _NEWLINE.finditer(text))]


def span(location: Location, starts: Sequence[int], length: int) -> tuple[int, int]:
    """The offsets of a location in a text with these lines. A place behind the last line is the end."""
    return (
        _offset(location.line, location.column, starts, length),
        _offset(location.end_line, location.end_column, starts, length),
    )


def _offset(line: int, column: int, starts: Sequence[int], length: int) -> int:
    return min(starts[line - 1] + column - 1, length) if line <= len(starts) else length


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with its edits. They must not overlap; equal ones count once. New lines end as the text's own do."""
    parts: list[str] = []
    end = 0
    for start, stop, replacement in resolved(text, edits):
        if start < end:
            raise ValueError("edits overlap")
        parts += (text[end:start], replacement)
        end = stop
    return "".join([*parts, text[end:]])


def resolved(text: str, edits: Iterable[Edit]) -> list[tuple[int, int, str]]:
    """The edits as offsets in the text and what to write there, in their order in the text."""
    starts = line_starts(text)
    first = _NEWLINE.search(text)
    newline = first[0] if first else "\n"
    placed = [(*span(edit.location, starts, len(text)), edit) for edit in dict.fromkeys(edits)]
    placed.sort(key=lambda item: item[:2])
    found = []
    for start, stop, edit in placed:
        replacement = edit.replacement
        if edit.location.line > len(starts) and replacement:
            # A line is added behind a last line that has no end.
            replacement = "\n" + replacement.removesuffix("\n")
        found.append((start, stop, replacement.replace("\n", newline)))
    return found


def compatible(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes, without those that touch what an earlier one changes."""
    kept: list[Fix] = []
    taken: set[Edit] = set()
    ranges: dict[tuple[str, int | None], list[_Range]] = {}
    for fix in fixes:
        fresh = [edit for edit in fix.edits if edit not in taken]
        if not any(_meets(ranges.get(_text(edit), ()), _range(edit)) for edit in fresh):
            kept.append(fix)
            taken.update(fresh)
            for edit in fresh:
                bisect.insort(ranges.setdefault(_text(edit), []), _range(edit))
    return kept


def _text(edit: Edit) -> tuple[str, int | None]:
    return edit.location.path, edit.location.cell


def _range(edit: Edit) -> _Range:
    place = edit.location
    return (place.line, place.column), (place.end_line, place.end_column)


def _meets(others: Sequence[_Range], one: _Range) -> bool:
    """Whether a range overlaps one of others that do not overlap. Insertions at one place do not meet."""
    index = bisect.bisect_left(others, one)
    return any(one[0] < end and start < one[1] for start, end in others[max(index - 1, 0) : index + 1])
