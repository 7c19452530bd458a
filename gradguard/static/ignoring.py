"""Comments that silence what was found, written into the files: for a code base that is to be cleaned up later."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence

from gradguard import suppress
from gradguard.finding import CheckError, Edit, Finding
from gradguard.static.fixing import Change
from gradguard.static.repair import patched
from gradguard.static.rewrite import rewrite
from gradguard.static.source import Source, decode, read_bytes

__all__ = ["comment", "ignores"]


def ignores(findings: Iterable[Finding]) -> tuple[list[Change], list[CheckError]]:
    """The files with a comment for each finding, and the findings for which there is no place for one."""
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.location.path, []).append(finding)
    changes: list[Change] = []
    errors: list[CheckError] = []
    for path, found in by_path.items():
        data = read_bytes(path)
        source = data if isinstance(data, CheckError) else decode(data, path)
        if isinstance(data, CheckError) or isinstance(source, CheckError):
            continue
        edits, silenced, missed = _edits(source, found)
        after = rewrite(data, path, edits) if edits else data
        if after is None:
            missed = found
        elif edits:
            changes.append(Change(path, data, after, silenced))
        errors += [
            CheckError(path, f"there is no place for a comment that ignores {f.code}", f.location.line) for f in missed
        ]
    return changes, errors


def comment(source: Source, finding: Finding) -> Edit | None:
    """The edit that writes a comment which ignores a finding, if there is a place for one."""
    edits, _, _ = _edits(source, [finding])
    return edits[0] if edits else None


def _edits(source: Source, findings: Sequence[Finding]) -> tuple[list[Edit], int, list[Finding]]:
    lines = source.lines()
    names: dict[int, list[str]] = {}
    missed: list[Finding] = []
    silenced = 0
    for finding in findings:
        place = finding.location
        first = source.line_of(place.line, place.cell)
        last = source.line_of(place.end_line, place.cell)
        line = next((line for line in _candidates(source, first, last) if _works(source, lines, line, finding)), None)
        if line is None:
            missed.append(finding)
            continue
        silenced += 1
        if finding.rule not in names.setdefault(line, []):
            names[line].append(finding.rule)
    return [_edit(source, lines, line, rules) for line, rules in sorted(names.items())], silenced, missed


def _candidates(source: Source, first: int, last: int) -> list[int]:
    """The first line of the finding, its last one, and the last line of its statement."""
    found = suppress.find(source.text + "\n# gradguard: ignore-file[none]\n")
    return list(dict.fromkeys([first, last, found.statement_end(first)]))


def _works(source: Source, lines: Sequence[str], line: int, finding: Finding) -> bool:
    """Whether a comment at the end of the line is one, changes nothing, and silences the finding."""
    changed = patched(source, [_edit(source, lines, line, [finding.rule])])
    if changed is None or _tree(changed.text) != _tree(source.text):
        return False
    place = finding.location
    first, last = (source.line_of(number, place.cell) for number in (place.line, place.end_line))
    return suppress.find(changed.text).hides(finding.code, finding.rule, first, last)


def _edit(source: Source, lines: Sequence[str], line: int, rules: Sequence[str]) -> Edit:
    end = len(lines[line - 1].rstrip()) + 1
    comment = f"  # gradguard: ignore[{', '.join(rules)}]"
    return Edit(source.location(line, end, line, len(lines[line - 1]) + 1), comment)


def _tree(text: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.dump(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return text
