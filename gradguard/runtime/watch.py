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
from gradguard.runtime.recorder import Recorder
from gradguard.runtime.report import RunReport

__all__ = ["Watch", "watch"]

_lock = threading.RLock()
_open: list[tuple[Guard, Patches]] = []
_FOLDER = str(Path(gradguard.__file__ or ".").parent / "runtime")


class Watch:
    """A context manager. Watches may be nested and may overlap; each has a report of its own.

    With `alone`, the watch begins with nothing known and full attention, and what happens inside of it is not told to
    the watches around it. So it is with `record`, which keeps every event for a picture of the run, and with `trace`,
    which notes where each operation is called.
    """

    def __init__(
        self,
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        *,
        alone: bool = False,
        record: bool = False,
        trace: bool = False,
        script: str = "",
    ) -> None:
        rules = catalogue.select(select, ignore)
        self.report = RunReport(frozenset(rule.code for rule in rules))
        self._alone = alone or record or trace
        self._trace = trace
        self._record = record
        self._script = script
        self._recorder: Recorder | None = None
        self._guard: Guard | None = None
        self._before = (0, 0)

    def __enter__(self) -> RunReport:
        with _lock:
            if _open and not self._alone:
                self._guard = _open[-1][0]
                self._guard.reports.append(self.report)
                self._before = self._guard.passes, self._guard.steps
                return self.report
            if _open:
                _open[-1][1].uninstall()
            self._guard = Guard([self._recorder_of] if self._record else ())
            self._guard.script = self._script
            if self._trace:
                self._guard.trace()
            patches = Patches(self._guard)
            self._guard.reports.append(self.report)
            _open.append((self._guard, patches))
            patches.install()
        return self.report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _lock:
            guard, self._guard = self._guard, None
            assert guard is not None
            try:
                if error is not None:
                    guard.escaped(error)
                    strip_own_frames(error, _FOLDER)
                guard.finish()
            finally:
                guard.reports = [report for report in guard.reports if report is not self.report]
                self.report.files |= guard.sites.files()
                self.report.passes += guard.passes - self._before[0]
                self.report.steps += guard.steps - self._before[1]
                self._before = (0, 0)
                if self._recorder is not None:
                    self.report.timeline = self._recorder.timeline()
                if not guard.reports:
                    _close(guard)

    def _recorder_of(self, guard: Guard) -> Recorder:
        self._recorder = Recorder(guard)
        return self._recorder

    def settle(self, error: BaseException | None = None) -> None:
        """Bring the report up to date while the watch stays open. `error` is what ended the part that was watched."""
        with _lock:
            if self._guard is not None:
                if error is not None:
                    self._guard.escaped(error)
                self._guard.finish()

    def refresh(self) -> None:
        """Something new begins, such as a cell of a notebook: look at everything for a while."""
        with _lock:
            if self._guard is not None:
                self._guard.refresh()


def _close(guard: Guard) -> None:
    """Put torch back, or into the hands of the guard that was there before."""
    for index, (held, patches) in enumerate(_open):
        if held is not guard:
            continue
        del _open[index]
        if index == len(_open):
            patches.uninstall()
            if _open:
                below, its_patches = _open[-1]
                below.interrupted()
                its_patches.install()
        guard.close()
        return


def watch(*, select: Iterable[str] = (), ignore: Iterable[str] = (), trace: bool = False) -> Watch:
    """Watch the training inside of a `with` block.

    With `trace`, findings tell exactly where results were computed, cut from their graph and changed in place. That is
    several times slower, and watches around this one do not see what happens in it.

    >>> import gradguard
    >>> with gradguard.watch() as report:
    ...     pass
    >>> report.findings
    ()
    """
    return Watch(select, ignore, trace=trace)
