"""Patterns that names are searched for again and again: each name is looked at once."""

from __future__ import annotations

import re

__all__ = ["Words"]

_MOST = 20_000


class Words:
    """A pattern. It is compiled when it is first needed, and remembers what it has found in which name."""

    __slots__ = ("_compiled", "_flags", "_known", "_pattern")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern, self._flags = pattern, flags
        self._compiled: re.Pattern[str] | None = None
        self._known: dict[str, bool] = {}

    def search(self, name: str) -> bool:
        """Whether the pattern is somewhere in the name."""
        known = self._known.get(name)
        if known is None:
            if self._compiled is None:
                self._compiled = re.compile(self._pattern, self._flags)
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[name] = self._compiled.search(name) is not None
        return known
