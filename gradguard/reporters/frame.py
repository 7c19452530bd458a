"""The code frame of a finding: the guilty line marked, and below or above it what led to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradguard.finding import Finding, Location
from gradguard.reporters.display import cut, printable, width, wrap

__all__ = ["Glyphs", "Line", "frame"]

Line = list[tuple[str, str]]
"""A line as pieces of text, each with the name of a style."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What a frame is drawn with."""

    bar: str = "│"
    gap: str = "…"


@dataclass(frozen=True, slots=True)
class _Mark:
    location: Location
    message: str
    primary: bool


def frame(finding: Finding, source: Sequence[str], cells: int, glyphs: Glyphs) -> Iterator[Line]:
    """The lines of the frame. `source` are the lines of the file or cell, `cells` is the width that may be used."""
    place = finding.location
    # A note on the guilty place itself stands beside its mark.
    own = "; ".join(note.message for note in finding.notes if note.location == place)
    others = [note for note in finding.notes if note.location != place and same_text(note.location, place)]
    marks = [_Mark(place, own, True), *(_Mark(note.location, note.message, False) for note in others)]
    marks = [mark for mark in marks if 1 <= mark.location.line <= len(source)]
    if not marks:
        return
    marks.sort(key=lambda mark: (mark.location.line, not mark.primary, mark.location.column))
    numbers = _shown_lines([mark.location.line for mark in marks])
    gutter = max(len(str(numbers[-1])), len(glyphs.gap) if 0 in numbers else 0)
    room = max(cells - gutter - 4, 12)
    window = _Window.around(marks, [source[number - 1] for number in numbers if number], room, glyphs)
    empty = f" {' ' * gutter} {glyphs.bar}"
    yield [(empty, "gutter")]
    for number in numbers:
        if not number:
            yield [(f" {glyphs.gap.rjust(gutter)} {glyphs.bar}", "gutter")]
            continue
        code = source[number - 1]
        yield _tidy([(f" {number:>{gutter}} {glyphs.bar} ", "gutter"), (window.show(code), "code")])
        for mark in marks:
            if mark.location.line == number:
                for line in _mark_lines(mark, code, window, room):
                    yield [(f"{empty} ", "gutter"), *line]


def same_text(one: Location, other: Location) -> bool:
    return one.path == other.path and one.cell == other.cell


def _tidy(line: Line) -> Line:
    """The line without blanks at its end."""
    text, style = line[-1]
    return [*line[:-1], (text.rstrip(), style)] if text.strip() else [(line[0][0].rstrip(), line[0][1])]


def _shown_lines(marked: Sequence[int]) -> list[int]:
    """The marked lines, and 0 for the lines that are left out between them. A gap of a single line is shown."""
    shown: list[int] = []
    for number in marked:
        if shown and number - shown[-1] == 2:
            shown.append(number - 1)
        elif shown and number - shown[-1] > 2:
            shown.append(0)
        if not shown or shown[-1] != number:
            shown.append(number)
    return shown


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of the code's columns that is shown where lines are too long."""

    indent: int
    start: int
    room: int
    gap: str

    @classmethod
    def around(cls, marks: Sequence[_Mark], lines: Sequence[str], room: int, glyphs: Glyphs) -> _Window:
        if max(width(printable(line, tabs=True)) for line in lines) <= room:
            return cls(0, 0, room, glyphs.gap)
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        start = 0
        primary = next((mark for mark in marks if mark.primary), marks[0])
        column = primary.location.column - 1 - indent
        if column > room * 2 // 3:
            start = column - room // 3
        return cls(indent, start, room, glyphs.gap)

    def show(self, code: str) -> str:
        text = printable(code[self.indent :], tabs=True)
        if self.start:
            text = self.gap + text[self.start + len(self.gap) :] if width(text) > self.start else ""
        if width(text) > self.room:
            text = cut(text, self.room - len(self.gap)) + self.gap
        return text

    def column(self, code: str, column: int) -> int:
        """The cell at which a column of the code is shown, from 0 to the end of the window."""
        cell = width(printable(code[self.indent : max(column - 1, 0)], tabs=True)) - self.start
        return min(max(cell, 0), self.room)


def _mark_lines(mark: _Mark, code: str, window: _Window, room: int) -> Iterator[Line]:
    style = "primary" if mark.primary else "note"
    place = mark.location
    begin = window.column(code, place.column)
    end = window.column(code, place.end_column if place.end_line == place.line else len(code.rstrip()) + 1)
    begin = min(begin, room - 1)
    line = " " * begin + ("^" if mark.primary else "-") * max(end - begin, 1)
    if not mark.message:
        yield [(line, style)]
        return
    beside = room - len(line) - 1
    message = printable(mark.message)
    if width(message) <= beside:
        yield [(f"{line} {message}", style)]
        return
    yield [(line, style)]
    # Below the mark, moved to the left where the space to the right of it is narrow.
    indent = begin if room - begin >= 30 else max(0, min(begin, room - 30))
    for part in wrap(message, room - indent):
        yield [(" " * indent + part, style)]
