"""Errors that a test expects: `with pytest.raises(RuntimeError): loss.backward()` is about the error."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["ExpectedErrors"]


def _managers() -> set[type]:
    """The classes behind `pytest.raises(…)` and `self.assertRaises(…)`."""
    case = unittest.TestCase()
    # only the types matter
    return {type(pytest.raises(ValueError, match="any")), type(case.assertRaises(ValueError))}  # noqa: PT027


class ExpectedErrors:
    """Tells which errors such a block has caught."""

    def __init__(self, tell: Callable[[BaseException], None]) -> None:
        self._tell = tell
        self._undo: list[Callable[[], None]] = []

    def install(self) -> None:
        if not self._undo:
            for manager in _managers():
                if "__exit__" in vars(manager):
                    self._patch(manager)

    def uninstall(self) -> None:
        while self._undo:
            self._undo.pop()()

    def _patch(self, manager: Any) -> None:
        original = manager.__exit__
        tell = self._tell

        @functools.wraps(original)
        def leave(self: Any, kind: Any, error: BaseException | None, traceback: Any) -> Any:
            __tracebackhide__ = True
            caught = original(self, kind, error, traceback)
            if caught and error is not None:
                tell(error)
            return caught

        manager.__exit__ = leave

        def undo() -> None:
            if manager.__exit__ is leave:
                manager.__exit__ = original

        self._undo.append(undo)
