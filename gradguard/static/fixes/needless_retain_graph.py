"""Leave `retain_graph=True` out, and cut what it was written for."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes import backward_twice
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.graph import without

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """A guess: where another file runs a backward through the same graph, that one would fail."""
    edit = without(code, code.node(report.site), "retain_graph")
    if edit is None:
        return
    if not report.facts.get("carried"):
        yield Fix("leave `retain_graph=True` out", (edit,), safe=False)
        return
    for cut in backward_twice.fixes(report, code):
        yield Fix(f"leave `retain_graph=True` out, and {cut.title}", (*cut.edits, edit), safe=False)
