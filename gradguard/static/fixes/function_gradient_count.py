"""Return None for the inputs that backward has forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_TRAINED = re.compile(r"bias|weight|param|gamma|beta", re.IGNORECASE)


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    """Only for the last inputs, and if none of them looks like a tensor that wants a gradient: it would get none."""
    statement, missing = code.node(report.site), int(report.facts.get("missing", "0"))
    there = code.node(code.noted(report, 1)[0])
    forward = None if there is None else next((a for a in code.above(there) if isinstance(a, cst.FunctionDef)), None)
    if not isinstance(statement, cst.Return) or statement.value is None or not missing or forward is None:
        return
    params = [*forward.params.posonly_params, *forward.params.params][-missing:]
    kept = " ".join(re.findall(r"save_for_backward\(([^)]*)\)", code.file.source.text))
    for param in params:
        name = param.name.value
        if _TRAINED.search(name) or re.search(rf"\b{re.escape(name)}\b", kept):
            return
    nones = ", None" * missing
    value = statement.value
    if isinstance(value, cst.Tuple) and value.elements:
        edit = code.append(value.elements[-1].value, nones)
    else:
        edit = code.append(statement, nones)
    shown = "`None`" if missing == 1 else f"{missing} times `None`"
    yield Fix(f"return {shown} for the inputs without a gradient", (edit,), safe=False)
