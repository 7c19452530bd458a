"""Places in doctests: the code of an example has a name of its own, and lies in a docstring or a text file."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from gradguard.finding import Finding, Location

__all__ = ["located"]

_NAME = re.compile(r".*<doctest (?P<name>.+)\[(?P<number>\d+)\]>$", re.DOTALL)
_PROMPT = len(">>> ")


def located(item: pytest.Item, finding: Finding) -> Finding:
    """The finding with places in the examples of a doctest turned into places in the file that holds it."""
    test: Any = getattr(item, "dtest", None)
    if test is None or not test.filename:
        return finding

    def move(location: Location) -> Location:
        match = _NAME.match(location.path)
        if match is None or match["name"] != test.name or int(match["number"]) >= len(test.examples):
            return location
        example = test.examples[int(match["number"])]
        line = (test.lineno or 0) + example.lineno
        column = example.indent + _PROMPT
        return replace(
            location,
            path=test.filename,
            line=location.line + line,
            end_line=location.end_line + line,
            column=location.column + column,
            end_column=location.end_column + column,
        )

    notes = tuple(replace(note, location=move(note.location)) for note in finding.notes)
    return replace(finding, location=move(finding.location), notes=notes)
