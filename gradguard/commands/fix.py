"""`--fix` and `--diff` of `gradguard check`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from gradguard.finding import CheckError
from gradguard.static.fixing import Change, write
from gradguard.static.source import encoding_of

__all__ = ["apply", "diff", "summary"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def apply(changes: list[Change]) -> list[CheckError]:
    """Write changed files. Returns those that could not be written."""
    return [CheckError(change.path, problem) for change in changes if (problem := write(change.path, change.after))]


def diff(change: Change) -> Iterator[str]:
    """A unified diff of a change, line by line."""
    mark, encoding = encoding_of(change.before, change.path)
    before, after = (_LINE.findall(data[len(mark) :].decode(encoding)) for data in (change.before, change.after))
    for line in difflib.unified_diff(before, after, f"a/{change.path}", f"b/{change.path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def summary(changes: list[Change], done: str) -> str:
    """One line on what was done, or would be."""
    fixed, files = sum(change.fixed for change in changes), len(changes)
    return f"{done} {fixed} {'problem' if fixed == 1 else 'problems'} in {files} {'file' if files == 1 else 'files'}."
