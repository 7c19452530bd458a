"""`%load_ext gradguard`: what a cell does is watched, and what is found stands under the cell."""

from __future__ import annotations

import contextlib
import importlib.util
import linecache
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradguard.finding import CheckError, Finding, Location

if TYPE_CHECKING:
    from gradguard.runtime.watch import Watch

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_NAME = "_gradguard"  # the attribute of the shell that holds the extension


class _Extension:
    """One for a shell. The history of gradients goes on from cell to cell."""

    def __init__(self, shell: Any) -> None:
        from gradguard.runtime.watch import Watch

        self.shell = shell
        self.watch: Watch = Watch()
        self._told: set[tuple[str, Location]] = set()
        self._errors: list[CheckError] = []

    def begin(self) -> None:
        from gradguard.runtime import explain

        self.watch.__enter__()
        explain.shells.append(self.shell)
        self.shell.events.register("pre_run_cell", self.before)
        self.shell.events.register("post_run_cell", self.after)

    def end(self) -> None:
        from gradguard.runtime import explain

        self.shell.events.unregister("pre_run_cell", self.before)
        self.shell.events.unregister("post_run_cell", self.after)
        self.watch.__exit__(None, None, None)
        explain.shells.remove(self.shell)

    def before(self, _info: object = None) -> None:
        self.watch.refresh()

    def after(self, result: Any = None) -> None:
        self.watch.settle(getattr(result, "error_in_exec", None))
        report = self.watch.report
        findings = [finding for finding in report.findings if (finding.code, finding.location) not in self._told]
        errors = [error for error in report.errors if error not in self._errors]
        self._told.update((finding.code, finding.location) for finding in findings)
        self._errors += errors
        if findings or errors:
            self._write(findings, errors)

    def _write(self, findings: list[Finding], errors: list[CheckError]) -> None:
        from gradguard.reporters.text import TextReport
        from gradguard.static.check import Result
        from gradguard.static.source import Source

        shown = [self._shown(finding) for finding in findings]
        sources = {}
        for finding, told in zip(findings, shown, strict=True):
            text = "".join(linecache.getlines(finding.location.path))
            if text:
                sources[told.location.path] = Source(told.location.path, text)
        report = TextReport(sys.stdout, sources)
        result = Result(tuple(shown), tuple(errors), 1)
        report.findings(result)
        report.errors(result)

    def _shown(self, finding: Finding) -> Finding:
        notes = tuple(replace(note, location=self._cell(note.location)) for note in finding.notes)
        return replace(finding, location=self._cell(finding.location), notes=notes)

    def _cell(self, place: Location) -> Location:
        """Under the name that IPython gives to a cell in its own tracebacks."""
        from gradguard.runtime import explain

        return replace(place, path=explain.shown(place.path))


def load_ipython_extension(shell: Any) -> None:
    """Called by `%load_ext gradguard`."""
    if importlib.util.find_spec("torch") is None:
        sys.stderr.write("gradguard: error: %load_ext gradguard needs torch: pip install torch\n")
        return
    if getattr(shell, _NAME, None) is None:
        extension = _Extension(shell)
        extension.begin()
        setattr(shell, _NAME, extension)


def unload_ipython_extension(shell: Any) -> None:
    """Called by `%unload_ext gradguard`."""
    extension = getattr(shell, _NAME, None)
    if extension is not None:
        with contextlib.suppress(AttributeError):
            delattr(shell, _NAME)
        extension.end()
