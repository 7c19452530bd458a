"""Findings for people: where, what, the code with its marks, and what to write instead."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Protocol, TextIO

from gradguard.finding import CheckError, Finding, Location
from gradguard.reporters.display import printable, width, wrap
from gradguard.reporters.frame import Glyphs, Line, frame, same_text
from gradguard.static.check import Result
from gradguard.static.source import Source, read

__all__ = ["Sources", "TextReport", "place", "use_color"]

_STYLES = {
    "path": "bold",
    "code": "",
    "rule": "bold red",
    "primary": "bold red",
    "note": "blue",
    "gutter": "bright_black",
    "help": "bold green",
    "good": "green",
    "title": "bold",
    "text": "",
}
_FANCY, _ASCII = Glyphs(), Glyphs(bar="|", gap="...")
# A frame needs some bound even in a file, or a line of generated code fills pages.
_PIPED_FRAME = 160
_WIDEST_TEXT = 120


class _Writer(Protocol):
    def write(self, line: Line) -> None: ...


class _Plain:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: Line) -> None:
        text = "".join(piece for piece, _ in line)
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


class _Rich:
    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        # Lines are broken here, never by rich: it would break paths too.
        self._console = Console(
            file=stream, force_terminal=True, highlight=False, markup=False, emoji=False, width=1 << 16
        )

    def write(self, line: Line) -> None:
        from rich.text import Text

        text = Text.assemble(*((piece.encode("utf-8", "replace").decode(), _STYLES[style]) for piece, style in line))
        self._console.print(text, soft_wrap=True)


class Sources:
    """The sources that code frames show, each read once."""

    def __init__(self, known: Mapping[str, Source] | None = None) -> None:
        self._sources: dict[str, Source | CheckError] = dict(known or {})

    def lines(self, location: Location) -> list[str]:
        """The lines of the file, or of the cell, that the location is in; none if they cannot be read."""
        source = self._sources.get(location.path)
        if source is None:
            source = self._sources[location.path] = read(location.path)
        return source.lines(location.cell) if isinstance(source, Source) else []


class TextReport:
    """Writes to one stream. Colour and the width of lines follow what the stream is."""

    def __init__(self, stream: TextIO, sources: Mapping[str, Source] | None = None) -> None:
        self.stream = stream
        self._lines = Sources(sources).lines
        self.columns = shutil.get_terminal_size().columns if stream.isatty() else None
        self.glyphs = _FANCY if _can_encode(stream, _FANCY.bar + _FANCY.gap) else _ASCII
        self._writer: _Writer = _Rich(stream) if use_color(stream) else _Plain(stream)

    def write(self, line: Line) -> None:
        self._writer.write(line)

    def drawn(self, text: str, plain: Mapping[str, str]) -> str:
        """The text, with other characters where the stream cannot hold these."""
        return text if self.glyphs is _FANCY else "".join(plain.get(char, char) for char in text)

    def findings(self, result: Result) -> None:
        for finding in result.findings:
            for line in self._finding(finding):
                self.write(line)
            self.write([])

    def errors(self, result: Result) -> None:
        for error in result.errors:
            where = printable(error.path) + (f":{error.line}" if error.line else "")
            self.write([(f"{where}:", "path"), (" error: ", "rule"), (printable(error.message), "text")])

    def summary(self, result: Result) -> None:
        found, failed = len(result.findings), len({error.path for error in result.errors})
        files = len({finding.location.path for finding in result.findings})
        if found:
            text = (
                f"Found {_count(found, 'problem')} in {_count(files, 'file')} (checked {_count(result.files, 'file')})"
            )
        elif failed:
            text = f"No problems found in {_count(result.files, 'file')}"
        elif result.files:
            text = f"All clear: no problems found in {_count(result.files, 'file')}"
        else:
            text = "There are no Python files to check"
        if failed:
            text += f"; {_count(failed, 'file')} could not be checked"
        self.paragraph(f"{text}.", "good" if not found and not failed and result.files else "title")

    def paragraph(self, text: str, style: str = "text", indent: str = "") -> None:
        """Text that is broken to the width of the terminal."""
        for part in wrap(text, self._text_width(len(indent))):
            self.write([(indent + part, style)])

    def _text_width(self, indent: int) -> int | None:
        return None if self.columns is None else min(self.columns, _WIDEST_TEXT) - indent

    def _finding(self, finding: Finding) -> Iterator[Line]:
        where = f"{place(finding.location)}:"
        head: Line = [(where, "path"), (f" {finding.code}", "rule"), (f" {finding.rule}", "rule")]
        message = printable(finding.message)
        used = sum(width(piece) for piece, _ in head) + 2
        if self.columns is None or used + width(message) <= self.columns:
            yield [*head, (f"  {message}", "text")]
        else:
            if used - 2 <= self.columns:
                yield head
            else:
                yield from ([(where, "path")], [(f"  {finding.code} {finding.rule}", "rule")])
            for part in wrap(message, self._text_width(2)):
                yield [(f"  {part}", "text")]
        cells = _PIPED_FRAME if self.columns is None else min(self.columns, _PIPED_FRAME)
        yield from frame(finding, self._lines(finding.location), cells, self.glyphs)
        for note in finding.notes:
            if not same_text(note.location, finding.location):
                yield from self._labelled("note:", f"{place(note.location)}: {printable(note.message)}", "note")
        if finding.help:
            yield from self._labelled("instead:", finding.help, "help")
        if finding.fix is not None:
            how = "--fix" if finding.fix.safe else "--fix --unsafe-fixes"
            yield from self._labelled("fix:", f"{printable(finding.fix.title)} ({how})", "help")

    def _labelled(self, label: str, text: str, style: str) -> Iterator[Line]:
        """A label, and the text beside it: prose is broken to the width, lines that are given are kept."""
        indent = " " * (len(label) + 3)
        given = text.strip("\n").split("\n")
        parts = given if len(given) > 1 else wrap(given[0], self._text_width(len(indent)))
        for index, part in enumerate(parts):
            shown = printable(part, tabs=True)
            yield [(f"  {label} ", style), (shown, "text")] if index == 0 else [(indent + shown, "text")]


def place(location: Location) -> str:
    """`path:line:column`, and the cell between them in a notebook."""
    cell = "" if location.cell is None else f"cell {location.cell}:"
    return f"{printable(location.path)}:{cell}{location.line}:{location.column}"


def use_color(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to write colours to the stream. NO_COLOR wins over FORCE_COLOR, and both over what the stream is."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and environment.get("TERM") not in ("dumb", "unknown")


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except (LookupError, UnicodeError):
        return False
    return True


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
