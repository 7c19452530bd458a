"""Call the context manager that a `with` is to enter."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Only in a `with`: around which code a statement was meant to go, nobody knows."""
    node = code.node(report.site)
    if isinstance(node, (cst.Name, cst.Attribute)) and isinstance(code.parent(node), cst.WithItem):
        yield Fix(f"call `{code.text(node)}()`", (code.append(node, "()"),), safe=True)
