"""Clip before the step."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    clip, step = (code.statement_at(site) for site in (report.site, *code.noted(report, 1)))
    if clip is not None and step is not None and step in code.siblings(clip):
        yield from code.move(clip, "clip above the step", above=step)
