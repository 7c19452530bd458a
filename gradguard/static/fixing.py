"""Repairs put into files: round by round, each kept only if the result is as good as it claims."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gradguard import edits as text_edits
from gradguard.finding import CheckError, Finding, Fix
from gradguard.static.check import Result
from gradguard.static.rewrite import rewrite
from gradguard.static.source import read_bytes
from gradguard.suppress import NAME as UNUSED

__all__ = ["Change", "changes", "fix_bytes", "write"]

_MOST_ROUNDS = 10

Check = Callable[[bytes, str], Result]


@dataclass(frozen=True, slots=True)
class Change:
    """What repairs make of a file, and how many they are."""

    path: str
    before: bytes
    after: bytes
    fixed: int


def changes(result: Result, check: Check, *, unsafe: bool) -> list[Change]:
    """The repairs of what a check has found, as changed files. Nothing is written."""
    by_path: dict[str, list[Finding]] = {}
    for finding in result.findings:
        by_path.setdefault(finding.location.path, []).append(finding)
    changed = []
    for path, findings in by_path.items():
        if not _fixes(findings, path, unsafe=unsafe):
            continue
        data = read_bytes(path)
        if isinstance(data, CheckError):
            continue
        after, fixed = fix_bytes(data, path, findings, check, unsafe=unsafe)
        if after != data:
            changed.append(Change(path, data, after, fixed))
    return changed


def fix_bytes(data: bytes, path: str, findings: Sequence[Finding], check: Check, *, unsafe: bool) -> tuple[bytes, int]:
    """The bytes of a file with its findings repaired, and the number of repairs."""
    fixed = 0
    # Whether a comment is of use is judged over all files together, so only the given findings tell.
    known = _judged_here(check(data, path).findings)
    for _ in range(_MOST_ROUNDS):
        # What is certain goes first: it may be the cause of what else was found.
        certain = _fixes(findings, path, unsafe=False)
        step = _step(data, path, text_edits.compatible(certain), known, check) if certain else None
        if step is None and unsafe:
            fixes = text_edits.compatible(_fixes(findings, path, unsafe=True))
            step = _step(data, path, fixes, known, check)
        if step is None:
            break
        data, result, count = step
        fixed += count
        findings = known = _judged_here(result.findings)
    return data, fixed


def _fixes(findings: Iterable[Finding], path: str, *, unsafe: bool) -> list[Fix]:
    return [
        finding.fix
        for finding in findings
        if finding.fix is not None
        and (finding.fix.safe or unsafe)
        and all(edit.location.path == path for edit in finding.fix.edits)
    ]


def _judged_here(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.rule != UNUSED]


def _step(
    data: bytes, path: str, fixes: Sequence[Fix], before: Sequence[Finding], check: Check
) -> tuple[bytes, Result, int] | None:
    """All repairs at once; if they do not go together, the first that holds alone."""
    attempts = [list(fixes), *([fix] for fix in fixes)] if len(fixes) > 1 else [list(fixes)]
    for attempt in attempts:
        changed = rewrite(data, path, [edit for fix in attempt for edit in fix.edits])
        if changed is None or changed == data:
            continue
        result = check(changed, path)
        if not result.errors and _no_worse(before, _judged_here(result.findings)):
            return changed, result, len(attempt)
    return None


def _no_worse(before: Sequence[Finding], after: Sequence[Finding]) -> bool:
    return Counter(finding.code for finding in after) <= Counter(finding.code for finding in before)


def write(path: str, data: bytes) -> str:
    """Put data in place of a file, all or nothing. Returns what went wrong, or nothing."""
    real = os.path.realpath(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(real), prefix=".gradguard-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            shutil.copymode(real, temporary)
            os.replace(temporary, real)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        return f"cannot be written: {(error.strerror or str(error)).lower()}"
    return ""
