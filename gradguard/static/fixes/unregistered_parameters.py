"""Put layers into a list that their module knows of."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """`nn.ModuleList`, `nn.ModuleDict` or `nn.ParameterList` around a plain list or dict.

    A layer that is made in `forward` needs sizes that only the author knows.
    """
    statement, nn = code.statement_at(report.site), code.name_of("torch.nn")
    holds = report.facts.get("holds")
    if statement is None or nn is None or not holds or len(statement.body) != 1:
        return
    only = statement.body[0]
    if not isinstance(only, (cst.Assign, cst.AnnAssign)):
        return
    value = only.value
    if value is None or not _after_base(code, statement):
        return
    kind = _kind(value, holds)
    target = code.text(only.targets[0].target if isinstance(only, cst.Assign) else only.target)
    if kind == "ModuleDict" and not _keys_are_text(target, code):
        return
    if kind is not None:
        title = f"make it a `{nn}.{kind}`"
        empty = isinstance(value, (cst.List, cst.Dict)) and not value.elements
        edits = [code.replace(value, f"{nn}.{kind}()")] if empty else code.around(value, f"{nn}.{kind}(", ")")
        if not empty or "#" not in code.text(value):
            yield Fix(title, tuple(edits), safe=False)


def _kind(value: cst.BaseExpression, holds: str) -> str | None:
    if isinstance(value, cst.Dict):
        if holds == "modules" and all(_is_text(element) for element in value.elements):
            return "ModuleDict"
        return None
    if isinstance(value, cst.DictComp):
        return "ModuleDict" if holds == "modules" and isinstance(value.key, cst.FormattedString) else None
    if isinstance(value, (cst.List, cst.ListComp)):
        return "ModuleList" if holds == "modules" else "ParameterList"
    return None


def _is_text(element: cst.BaseDictElement) -> bool:
    """Whether the key is a string: a `ModuleDict` takes no other."""
    return isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString)


def _keys_are_text(target: str, code: Code) -> bool:
    """Whether all entries that the file adds to it have strings as keys."""
    keys = re.findall(rf"(?<![\w.]){re.escape(target)}\[(.)[^\]]*\](?:[^\]\n]*\])?\s*=(?!=)", code.file.source.text)
    return all(key in "\"'f" for key in keys)


def _after_base(code: Code, statement: cst.SimpleStatementLine) -> bool:
    """Whether `super().__init__()` has run by then; before, a module takes no other modules."""
    block = list(code.siblings(statement))
    return not any("__init__(" in code.text(later) for later in block[block.index(statement) + 1 :])
