"""Leave `create_graph=True` out."""

from __future__ import annotations

from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code
from gradguard.static.fixes.graph import without

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """A guess: code of another file may differentiate the gradients."""
    call = code.node(report.site)
    for keywords in (("create_graph",), ("create_graph", "retain_graph")):
        edit = without(code, call, *keywords)
        if edit is not None:
            named = " and ".join(f"`{keyword}=True`" for keyword in keywords)
            yield Fix(f"leave {named} out", (edit,), safe=False)
