"""What gradguard tells its users: findings, and where they lie.

Everything here is frozen and holds plain data, so it can be compared, pickled and sent between processes.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CheckError", "Edit", "Finding", "Fix", "GradguardWarning", "Location", "Note"]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A range of source text. Lines count from 1, columns from 1 (as ruff counts them), the end is exclusive.

    In a notebook `cell` is the number of the cell, counted from 1 over all cells, and the lines are those of the cell.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that belongs to a finding: "used by this step", "freed here"."""

    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `location` by `replacement`."""

    location: Location
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair as text edits. `safe` says that the behaviour which was meant is certain."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One pitfall at one place: what is wrong, where, what led to it, and what to write instead."""

    rule: str
    code: str
    message: str
    location: Location
    notes: tuple[Note, ...] = ()
    help: str = ""
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class CheckError:
    """Something that could not be checked, in one line. `line` is 0 where no line is known."""

    path: str
    message: str
    line: int = 0


class GradguardWarning(UserWarning):
    """A finding that is told as a warning: `pytest --gradguard-mode=warn`."""
