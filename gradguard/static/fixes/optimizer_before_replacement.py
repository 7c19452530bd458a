"""Make the optimizer when the model is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Below the replacement; where the optimizer is used in between, the replacement above the optimizer."""
    made, replaced = (code.statement_at(site) for site in (report.site, *code.noted(report, 1)))
    if made is None or replaced is None or len(made.body) != 1:
        return
    block = list(code.siblings(made))
    if replaced not in block or block.index(made) >= block.index(replaced):
        return
    between = block[block.index(made) + 1 : block.index(replaced)]
    only = made.body[0]
    names = [code.text(target.target) for target in only.targets] if isinstance(only, cst.Assign) else []
    if names and not _mentions(code, names, [*between, replaced]):
        yield from code.move(made, f"make `{names[0]}` after the last change to the model", below=replaced)
        return
    bound = [code.text(target.target) for line in between for target in _targets(line)]
    if not _mentions(code, bound, [replaced]) and all(_is_plain(line) for line in between):
        yield from code.move(replaced, "change the model before the optimizer is made", above=made)


def _mentions(code: Code, names: Sequence[str], statements: Sequence[cst.CSTNode]) -> bool:
    text = "\n".join(code.text(statement) for statement in statements)
    return any(re.search(rf"(?<![\w.]){re.escape(name)}\b", text) for name in names)


def _targets(line: cst.CSTNode) -> Iterator[cst.AssignTarget]:
    if isinstance(line, cst.SimpleStatementLine):
        for statement in line.body:
            if isinstance(statement, cst.Assign):
                yield from statement.targets


def _is_plain(line: cst.CSTNode) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and all(
        isinstance(statement, (cst.Assign, cst.Expr)) for statement in line.body
    )
