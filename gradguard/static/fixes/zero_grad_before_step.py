"""Move the clearing to where the gradients are no longer needed."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Above the backward where both stand in one block, else below the step."""
    clearing, backward, step = (code.statement_at(site) for site in (report.site, *code.noted(report, 2)))
    if clearing is None:
        return
    title = f"move `{code.text(clearing.body[0])}`"
    if backward is not None and backward in code.siblings(clearing):
        yield from code.move(clearing, f"{title} above the backward", above=backward)
    yield from code.move(clearing, f"{title} below the step", below=step)
