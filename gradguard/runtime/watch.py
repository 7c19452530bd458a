"""`watch()`: everything that happens inside of the block is watched."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import gradguard
from gradguard import catalogue
from gradguard.runtime.explain import strip_own_frames
from gradguard.runtime.guard import Guard
from gradguard.runtime.patches import Patches
from gradguard.runtime.report import RunReport

__all__ = ["Watch", "watch"]

_lock = threading.RLock()
_guard: Guard | None = None
_patches: Patches | None = None
_FOLDER = str(Path(gradguard.__file__ or ".").parent / "runtime")


class Watch:
    """A context manager. Watches may be nested and may overlap; each has a report of its own."""

    def __init__(self, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> None:
        rules = catalogue.select(select, ignore)
        self.report = RunReport(frozenset(rule.code for rule in rules))

    def __enter__(self) -> RunReport:
        global _guard, _patches  # noqa: PLW0603 - torch is one for the process, and so is what watches it
        with _lock:
            if _guard is None:
                _guard = Guard()
                _patches = Patches(_guard)
                _guard.reports.append(self.report)
                _patches.install()
            else:
                _guard.reports.append(self.report)
        return self.report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        global _guard, _patches  # noqa: PLW0603 - see above
        with _lock:
            guard, patches = _guard, _patches
            assert guard is not None
            assert patches is not None
            try:
                if error is not None:
                    guard.escaped(error)
                    strip_own_frames(error, _FOLDER)
                guard.finish()
            finally:
                guard.reports = [report for report in guard.reports if report is not self.report]
                self.report.files |= guard.sites.files()
                if not guard.reports:
                    patches.uninstall()
                    _guard = _patches = None


def watch(*, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Watch:
    """Watch the training inside of a `with` block.

    >>> import gradguard
    >>> with gradguard.watch() as report:
    ...     pass
    >>> report.findings
    ()
    """
    return Watch(select, ignore)
