"""Step the scheduler at the end of the turn."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    statement = code.statement_at(report.site)
    block = code.siblings(statement) if statement is not None else ()
    if statement is None or not isinstance(code.parent(statement), cst.IndentedBlock):
        return
    last = block[-1]
    if not isinstance(last, cst.SimpleStatementLine) or not isinstance(
        last.body[0], (cst.Return, cst.Break, cst.Continue, cst.Raise)
    ):
        yield from code.move(statement, f"move `{code.text(statement.body[0])}` to the end of the block", below=last)
