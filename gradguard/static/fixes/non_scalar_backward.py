"""Reduce the loss to one number."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Edit, Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    call = code.node(report.site)
    if not isinstance(call, cst.Call):
        return
    edit: Edit | None = None
    if isinstance(call.func, cst.Attribute) and call.func.attr.value == "backward":
        if call.args and call.args[0].keyword is None and isinstance(call.args[0].value, (cst.Name, cst.Attribute)):
            # `torch.autograd.backward(loss)`, or an engine that is given the loss
            edit = code.append(call.args[0].value, ".mean()")
        else:
            edit = code.before_dot(call.func, ".mean()")
    if edit is not None:
        yield Fix("take the mean of the loss", (edit,), safe=False)
