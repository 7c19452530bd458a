"""Clip what the backward has computed."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Below the backward, or where the clipping belongs to an accumulation, above the step."""
    clip, backward, step = (code.statement_at(site) for site in (report.site, *code.noted(report, 2)))
    if clip is None:
        return
    if backward is not None and backward in code.siblings(clip):
        yield from code.move(clip, "clip below the backward", below=backward)
    yield from code.move(clip, "clip above the step", above=step)
