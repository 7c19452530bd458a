"""`pytest --gradguard`: each test, its set-up and its tear-down run under watch."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest

from gradguard.pytest_plugin import outcome, settings
from gradguard.pytest_plugin.expected import ExpectedErrors
from gradguard.pytest_plugin.run import Run, run_of
from gradguard.pytest_plugin.settings import Asked
from gradguard.pytest_plugin.sources import SourceItem

__all__ = ["Watched"]

_T = TypeVar("_T")
_Phase = Generator[None, _T, _T]


class Watched:
    """Opens a watch for each test, and lets a finding fail the phase that it happened in."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self._current: Run | None = None
        self._expected = ExpectedErrors(self._error_was_expected)

    def pytest_report_header(self) -> str | None:
        if self.asked.mode == "off":
            return None
        rules = [f"{name} {', '.join(which)}" for name in ("select", "ignore") if (which := getattr(self.asked, name))]
        return "; ".join([f"gradguard: {self.asked.mode}", *rules])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> _Phase[object]:
        __tracebackhide__ = True
        self._end()  # where the session's own control flow has cut off the last test
        outcome.forget(item)
        if isinstance(item, SourceItem):
            return (yield)
        asked = settings.of_item(item, self.asked)
        if asked.mode == "off":
            return (yield)
        self._expected.install()
        self._current = Run(item, asked)
        self._current.begin()
        return (yield from self._phase(item, "setup"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> _Phase[object]:
        __tracebackhide__ = True
        return (yield from self._phase(item, "call"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> _Phase[object]:
        __tracebackhide__ = True
        try:
            return (yield from self._phase(item, "teardown"))
        finally:
            self._end()

    def _phase(self, item: pytest.Item, phase: str) -> _Phase[object]:
        __tracebackhide__ = True
        run = run_of(item)
        if run is None or run.quiet:
            return (yield)
        with run.phase(phase):
            return (yield)

    def _end(self) -> None:
        if self._current is not None:
            self._current.end()
            self._current = None

    def _error_was_expected(self, error: BaseException) -> None:
        if self._current is not None:
            self._current.error_was_expected(error)

    def pytest_unconfigure(self) -> None:
        self._end()
        self._expected.uninstall()
