"""Updates by hand, put under `torch.no_grad()`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import libcst as cst

from gradguard.finding import Edit, Fix
from gradguard.static.fixes.code import Code

__all__ = ["Rewritten", "is_under_no_grad", "run_of", "wrapped"]

# What is updated in a statement, and how it is to be written: lines of code without indent; None if it is no update.
Rewritten = Callable[[cst.SimpleStatementLine], "tuple[list[str], list[str]] | None"]

_SWITCHES_OFF = re.compile(r"\b(?:no_grad|inference_mode|set_grad_enabled\(\s*False)\b")


def is_under_no_grad(code: Code, node: cst.CSTNode) -> bool:
    """Whether a `with` or a decorator around a node says so."""
    for above in code.above(node):
        if isinstance(above, cst.With) and any(_SWITCHES_OFF.search(code.text(item)) for item in above.items):
            return True
        if isinstance(above, cst.FunctionDef):
            return any(_SWITCHES_OFF.search(code.text(decorator)) for decorator in above.decorators)
    return False


def run_of(code: Code, statement: cst.SimpleStatementLine, rewritten: Rewritten) -> list[cst.SimpleStatementLine]:
    """The statements around this one, without a gap, that are updates too."""
    block = list(code.siblings(statement))
    if statement not in block:
        return []
    first = last = block.index(statement)
    while first and _is_update(block[first - 1], rewritten):
        first -= 1
    while last + 1 < len(block) and _is_update(block[last + 1], rewritten):
        last += 1
    return [line for line in block[first : last + 1] if isinstance(line, cst.SimpleStatementLine)]


def _is_update(statement: cst.CSTNode, rewritten: Rewritten) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and rewritten(statement) is not None


def wrapped(code: Code, statement: cst.SimpleStatementLine, rewritten: Rewritten, title: str) -> Iterator[Fix]:
    """The updates in place and under `torch.no_grad()`; if that is not enough, with the gradients cleared as well."""
    run = run_of(code, statement, rewritten)
    torch = code.name_of("torch")
    if not run or torch is None or any("\n" in code.lines_of(line) for line in run):
        return
    inside = is_under_no_grad(code, statement)
    unit = "" if inside else code.file.module.default_indent
    edits: list[Edit] = [] if inside else [code.insert_lines(run[0], [f"with {torch}.no_grad():"])]
    names: list[str] = []
    for line in run:
        lines, updated = rewritten(line) or ([], [])
        names += updated
        indent = code.indent(line) + unit
        edits.append(code.replace(line.body[0], unit + f"\n{indent}".join(lines)))
    yield Fix(title, tuple(edits), safe=False)
    clearings = [f"{unit}{name}.grad = None" for name in dict.fromkeys(names) if not _is_cleared(code, statement, name)]
    if clearings:
        below = code.insert_lines(run[-1], clearings, below=True)
        yield Fix(f"{title}, and clear the gradients", (*edits, below), safe=False)


def _is_cleared(code: Code, statement: cst.SimpleStatementLine, name: str) -> bool:
    around: Sequence[cst.CSTNode] = (*code.siblings(statement), *code.loops(statement))
    text = "\n".join(code.text(node) for node in around)
    return bool(re.search(rf"(?<![\w.]){re.escape(name)}\.grad(?:\.data)?(?:\.zero_\(|\s*=\s*None)", text))
