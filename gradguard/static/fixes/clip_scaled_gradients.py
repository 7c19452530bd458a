"""Unscale the gradients before they are clipped."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    _, site = code.noted(report, 2)
    clip, unscaling = code.statement_at(report.site), code.node(site)
    if clip is None or not isinstance(unscaling, cst.Call) or not isinstance(unscaling.func, cst.Attribute):
        return
    method = unscaling.func.attr.value
    if method == "unscale_":
        yield from code.move(clip, "clip below the unscaling", below=code.statement_at(site))
    elif method == "step" and unscaling.args:
        call = f"{code.text(unscaling.func.value)}.unscale_({code.text(unscaling.args[0].value)})"
        yield Fix(f"insert `{call}`", (code.insert_before(clip, call),), safe=False)
