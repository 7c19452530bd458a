"""Clear the gradients once for each update."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_NAME = re.compile(r"[\w.\[\]'\"]+")
_UPDATE = re.compile(r"\s*(?P<name>[\w.\[\]]+?)(?:\.data)?(?:\s*[-+]?=(?!=)|\.(?:sub|add|addcdiv|copy)_\()")


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    step = code.statement_at(code.noted(report, 1)[0])
    if step is None or not code.siblings(step):
        return
    clearing = report.facts.get("clearing", "")
    if clearing:
        if _NAME.fullmatch(clearing.removesuffix("()")):
            yield from _by_optimizer(clearing, code.statement_at(report.site), step, code)
    else:
        yield from _by_hand(step, report, code)


def _by_optimizer(
    clearing: str, backward: cst.SimpleStatementLine | None, step: cst.SimpleStatementLine, code: Code
) -> Iterator[Fix]:
    """Above the first backward of the step's block, where that is usual; else right after the step."""
    title = f"insert `{clearing}`"
    block = list(code.siblings(step))
    if backward is not None and backward in block and block.index(backward) < block.index(step):
        start = next(line for line in block if "backward(" in code.text(line))
        if isinstance(start, cst.SimpleStatementLine):
            yield Fix(title, (code.insert_before(start, clearing),), safe=False)
    yield Fix(title, (code.insert_after(step, clearing),), safe=False)


def _by_hand(step: cst.SimpleStatementLine, report: Report, code: Code) -> Iterator[Fix]:
    """Below the last update of the block, for all that are updated there."""
    updates: dict[str, cst.CSTNode] = {}
    for statement in code.siblings(step):
        text = code.text(statement).lstrip("\n")
        match = _UPDATE.match(text)
        if isinstance(statement, cst.SimpleStatementLine) and match and f"{match['name']}.grad" in text:
            updates[match["name"]] = statement
    named = report.facts.get("updated", "")
    if not updates and _NAME.fullmatch(named) and re.search(rf"(?<![\w.]){re.escape(named)}\b", code.text(step)):
        updates[named] = step
    block = "\n".join(code.text(around) for around in (*code.siblings(step), *code.loops(step)))
    for name in list(updates):
        if re.search(rf"(?<![\w.]){re.escape(name)}\.grad(?:\.data)?(?:\.zero_\(|\s*=\s*None)", block):
            del updates[name]  # cleared already
    if updates:
        clearings = [f"{name}.grad = None" for name in updates]
        last = list(updates.values())[-1]
        edit = code.insert_after(last, f"\n{code.indent(last)}".join(clearings))
        yield Fix(f"insert {' and '.join(f'`{clearing}`' for clearing in clearings)}", (edit,), safe=False)
