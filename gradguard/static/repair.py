"""Which of the proposed repairs to offer: those after which the file parses and the finding is gone.

Each proposal is put into the text and the result is checked again. It must have no finding that was not there before.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from gradguard import edits as text_edits
from gradguard.finding import CheckError, Edit, Finding, Fix
from gradguard.rule import Report
from gradguard.static.fixes import builder
from gradguard.static.fixes.code import Code
from gradguard.static.source import Source

__all__ = ["Recheck", "patched", "with_fixes"]

Recheck = Callable[[Source], "list[Finding] | CheckError"]

_MOST_PROPOSALS = 6
_MOST_LINES = 20_000  # to check again for one file, after the first attempt


def with_fixes(pairs: Sequence[tuple[Finding, Report]], code: Callable[[], Code], recheck: Recheck) -> list[Finding]:
    """The findings of one file, each with the first repair that holds."""
    proposals = [_proposals(finding, report, code) for finding, report in pairs]
    if not any(proposals):
        return [finding for finding, _ in pairs]
    source = code().file.source
    before = [finding for finding, _ in pairs]
    chosen: list[Fix | None] = [options[0] if options else None for options in proposals]
    together = [(finding, fix) for finding, fix in zip(before, chosen, strict=True) if fix is not None]
    if not _hold(source, together, before, recheck):
        left = max(_MOST_PROPOSALS, _MOST_LINES // (source.text.count("\n") + 1))
        for index, (finding, options) in enumerate(zip(before, proposals, strict=True)):
            chosen[index] = None
            for fix in options[:left]:
                left -= 1
                if _hold(source, [(finding, fix)], before, recheck):
                    chosen[index] = fix
                    break
    return [replace(finding, fix=fix) for finding, fix in zip(before, chosen, strict=True)]


def _proposals(finding: Finding, report: Report, code: Callable[[], Code]) -> list[Fix]:
    build = builder(finding.rule)
    if build is None or code().node(report.site) is None:
        return []
    return list(itertools.islice(build(report, code()), _MOST_PROPOSALS))


def _hold(source: Source, fixes: Sequence[tuple[Finding, Fix]], before: Sequence[Finding], recheck: Recheck) -> bool:
    """Whether repairs take their findings away and bring no other."""
    changed = patched(source, [edit for _, fix in fixes for edit in fix.edits])
    if changed is None:
        return False
    after = recheck(changed)
    if isinstance(after, CheckError):
        return False
    remaining = Counter(finding.code for finding in before)
    remaining.subtract(finding.code for finding, _ in fixes)
    return Counter(finding.code for finding in after) <= remaining


def patched(source: Source, edits: Sequence[Edit]) -> Source | None:
    """The source with edits in it, as one text without cells; None if they overlap."""

    def in_text(edit: Edit) -> Edit:
        place = edit.location
        return replace(
            edit,
            location=replace(
                place,
                line=source.line_of(place.line, place.cell),
                end_line=source.line_of(place.end_line, place.cell),
                cell=None,
            ),
        )

    try:
        return Source(source.path, text_edits.apply(source.text, map(in_text, edits)))
    except ValueError:
        return None
