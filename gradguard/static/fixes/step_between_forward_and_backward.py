"""Cut the graph that a loop carries past the step."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes import backward_twice
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.graph import without

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Where two losses share a forward pass, the order of their steps is a matter of what they are to train."""
    retained = without(code, code.node(code.noted(report, 2)[1]), "retain_graph")
    for cut in backward_twice.fixes(report, code):
        if retained is None:
            yield cut
        else:
            yield Fix(f"leave `retain_graph=True` out, and {cut.title}", (*cut.edits, retained), safe=False)
