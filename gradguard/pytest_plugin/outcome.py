"""How a finding reaches the report of a test: as its failure, a section and a property."""

from __future__ import annotations

import functools
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from gradguard.finding import Finding, Location

if TYPE_CHECKING:
    from _pytest.outcomes import Failed as _Failed
else:
    _Failed = pytest.fail.Exception

__all__ = [
    "ERROR_PROPERTY",
    "FOUND",
    "PROPERTY",
    "SECTION",
    "GradguardFailure",
    "Told",
    "failure",
    "forget",
    "head_of_note",
    "line",
    "read_property",
    "relative",
    "section",
    "shown_path",
    "tell",
]

SECTION = "gradguard"
PROPERTY = "gradguard"
ERROR_PROPERTY = "gradguard-error"

FOUND: pytest.StashKey[dict[str, list[Finding]]] = pytest.StashKey()
"""What was found in each phase of a test."""

_PROPERTY = re.compile(r"(?P<code>\w+) (?P<rule>\S+) at (?P<place>.+?:\d+:\d+): ")


class GradguardFailure(_Failed):
    """An autograd pitfall, in the mode `error`. Its text is all that is shown; there is no traceback to it."""

    def __init__(self, msg: str | None = None, pytrace: bool = False) -> None:
        super().__init__(msg, pytrace)

    def __str__(self) -> str:
        # Hypothesis adds the example as a note, and without a traceback pytest shows no notes.
        return "\n".join([self.msg or "", *getattr(self, "__notes__", ())])

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self.msg,)


# How Python and pytest print it: `gradguard: GG101 …`.
GradguardFailure.__module__ = "builtins"
GradguardFailure.__qualname__ = "gradguard"


def _restore(message: str | None) -> GradguardFailure:
    return GradguardFailure(message)


class Told(NamedTuple):
    """A finding as a property tells it."""

    code: str
    rule: str
    place: str


def line(finding: Finding) -> str:
    place = finding.location
    cell = "" if place.cell is None else f", cell {place.cell}"
    return f"{finding.code} {finding.rule} at {place.path}{cell}:{place.line}: {finding.message}"


def failure(findings: Sequence[Finding], *, distinct: bool = False) -> GradguardFailure:
    """The failure with these findings. With `distinct`, each place has a type of its own: hypothesis goes by types."""
    lines: list[str] = []
    for finding in findings:
        lines.append(line(finding))
        if finding.help:
            lines += [f"  instead: {part}" if index == 0 else f"           {part}" for index, part in _parts(finding)]
    place = findings[0].location
    kind = _kind(findings[0].code, place.path, place.line) if distinct else GradguardFailure
    return kind("\n".join(lines))


@functools.cache
def _kind(*_place: object) -> type[GradguardFailure]:
    names = {"__module__": GradguardFailure.__module__, "__qualname__": GradguardFailure.__qualname__}
    return type(GradguardFailure.__name__, (GradguardFailure,), names)


def _parts(finding: Finding) -> Iterable[tuple[int, str]]:
    return enumerate(finding.help.strip("\n").split("\n"))


def head_of_note(note: str) -> str:
    """Which finding a note on an exception is about: its first two lines."""
    return "\n".join(note.split("\n")[:2])


def section(findings: Sequence[Finding], folder: str) -> str:
    """The findings with their code, as `gradguard check` shows them. Paths are relative to the folder."""
    from gradguard.reporters.text import TextReport
    from gradguard.static.check import Result
    from gradguard.static.source import Source, read

    stream = io.StringIO()
    sources = {}
    for path in {finding.location.path for finding in findings}:
        source = read(os.path.join(folder, path))  # noqa: PTH118 - paths stay texts
        if isinstance(source, Source):
            sources[path] = source
    report = TextReport(stream, sources)
    report.findings(Result(tuple(findings)))
    return stream.getvalue().rstrip("\n") + "\n"


def tell(item: pytest.Item, phase: str, findings: Sequence[Finding]) -> None:
    """Remember the findings for the report of the phase."""
    item.stash.setdefault(FOUND, {})[phase] = list(findings)
    for finding in findings:
        place = finding.location
        cell = "" if place.cell is None else f"cell {place.cell}:"
        text = f"{finding.code} {finding.rule} at {place.path}:{cell}{place.line}:{place.column}: {finding.message}"
        item.user_properties.append((PROPERTY, text))


def forget(item: pytest.Item) -> None:
    """The test runs once more."""
    item.stash[FOUND] = {}
    item.user_properties[:] = [held for held in item.user_properties if held[0] not in (PROPERTY, ERROR_PROPERTY)]


def read_property(text: str) -> Told | None:
    match = _PROPERTY.match(text)
    return None if match is None else Told(**match.groupdict())


def shown_path(path: str, folder: str) -> str:
    """The path relative to the folder, if it lies in it."""
    return os.path.relpath(path, folder) if path.startswith(os.path.join(folder, "")) else path  # noqa: PTH118 - texts


def relative(finding: Finding, base: str, folder: str) -> Finding:
    """The finding with its paths, which are relative to `base`, relative to the folder."""

    def move(location: Location) -> Location:
        return replace(location, path=shown_path(os.path.join(base, location.path), folder))  # noqa: PTH118 - texts

    notes = tuple(replace(note, location=move(note.location)) for note in finding.notes)
    return replace(finding, location=move(finding.location), notes=notes)
