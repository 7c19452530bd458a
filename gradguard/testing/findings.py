"""`no_findings()`: the code in this block runs without an autograd pitfall."""

from __future__ import annotations

import contextlib
import linecache
from collections.abc import Iterable, Sequence
from types import TracebackType

from gradguard.finding import Finding
from gradguard.reporters.frame import Glyphs, frame
from gradguard.runtime.report import RunReport
from gradguard.runtime.watch import Watch, watch

__all__ = ["PitfallsFound", "no_findings"]

_WIDTH = 120


class PitfallsFound(AssertionError):
    """The block ran into pitfalls. The text shows them; `findings` holds them for programs."""

    def __init__(self, text: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(text)
        self.findings = tuple(findings)


class _NoFindings(contextlib.ContextDecorator):
    def __init__(self, select: Iterable[str], ignore: Iterable[str]) -> None:
        self._chosen = tuple(select), tuple(ignore)
        self._watches: list[Watch] = []  # a decorated function may call itself

    def __enter__(self) -> RunReport:
        select, ignore = self._chosen
        begun = watch(select=select, ignore=ignore)
        report = begun.__enter__()
        self._watches.append(begun)
        return report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        ended = self._watches.pop()
        ended.__exit__(kind, error, traceback)
        findings = ended.report.findings
        if error is None and findings:
            raise PitfallsFound(_text(findings), findings)


def no_findings(*, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> _NoFindings:
    """A context manager and a decorator: raises `PitfallsFound` (an AssertionError) at the end of the block if
    `gradguard.watch()` found something in it.

    An exception of the block itself is raised as it is, with what was found about it in its notes.
    In a unittest class, `self.enterContext(no_findings())` in `setUp` guards each test (Python 3.11 and later).

    select, ignore: codes, beginnings of codes or names of rules, as on the command line.

    >>> with no_findings():
    ...     pass
    """
    return _NoFindings(select, ignore)


def _text(findings: Sequence[Finding]) -> str:
    count = "an autograd pitfall" if len(findings) == 1 else f"{len(findings)} autograd pitfalls"
    lines = [f"the code ran into {count}"]
    for finding in findings:
        place = finding.location
        lines += ["", f"{place.path}:{place.line}: {finding.code} {finding.rule}  {finding.message}"]
        source = [line.rstrip("\n") for line in linecache.getlines(place.path)]
        lines += ["".join(piece for piece, _ in line) for line in frame(finding, source, _WIDTH, Glyphs())]
        lines += [
            f"  note: {note.location.path}:{note.location.line}: {note.message}"
            for note in finding.notes
            if note.location.path != place.path
        ]
        lines += [f"  instead: {finding.help}"] if finding.help else []
    return "\n".join(lines)
