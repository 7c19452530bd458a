"""Ask for the gradient of a tensor that is no leaf."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_NAME = re.compile(r"[\w.]+")


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`retain_grad()` right after the tensor was made, where that statement names it.

    Only where it is made anew before each read, above it in one block. What an earlier iteration made is used up: the
    gradient would be there, and the next backward would run into the freed graph.
    """
    name = report.facts.get("name", "")
    made, read = code.statement_at(code.noted(report, 1)[0]), code.statement_at(report.site)
    if not _NAME.fullmatch(name) or made is None or read is None:
        return
    block = list(code.siblings(read))
    if made not in block or block.index(made) >= block.index(read):
        return
    if re.match(rf"\s*{re.escape(name)}\s*=", code.text(made)):
        call = f"{name}.retain_grad()"
        yield Fix(f"insert `{call}`", (code.insert_after(made, call),), safe=False)
