"""Repairs, one module for each rule that has them, found by the rule's name.

A module's `fixes(report, code)` yields repairs, the most likely first. They are proposals: `gradguard.static.repair`
keeps the first one that parses and takes the finding away without making another.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

from gradguard.finding import Fix
from gradguard.rule import Report
from gradguard.static.fixes.code import Code

__all__ = ["Builder", "builder"]

Builder: TypeAlias = Callable[[Report, Code], Iterator[Fix]]


@functools.cache
def builder(rule: str) -> Builder | None:
    """What proposes repairs for the findings of a rule, if there is something."""
    name = rule.replace("-", "_")
    if name not in {module.name for module in pkgutil.iter_modules(__path__)}:
        return None
    return cast(Builder, importlib.import_module(f"{__name__}.{name}").fixes)
