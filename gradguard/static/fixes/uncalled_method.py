"""Call the method that is only named."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["fixes"]

_NEEDS_ARGUMENTS = frozenset({"unscale_"})
_MAY_NEED_ARGUMENTS = re.compile(r"scaler|sched|plateau|engine|trainer|env", re.IGNORECASE)


def fixes(report: Report, code: Code) -> Iterator[Fix]:
    node = code.node(report.site)
    if not isinstance(node, cst.Attribute) or node.attr.value in _NEEDS_ARGUMENTS:
        return
    receiver = code.text(node.value)
    # GradScaler.step wants the optimizer, ReduceLROnPlateau.step a number.
    unsure = node.attr.value == "step" and _MAY_NEED_ARGUMENTS.search(receiver) is not None
    yield Fix(f"call `{receiver}.{node.attr.value}()`", (code.append(node, "()"),), safe=not unsure)
