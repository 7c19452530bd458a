"""`gradguard run`: its options, and what they do."""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

from gradguard.commands.output import fail

if TYPE_CHECKING:
    from gradguard.finding import Finding
    from gradguard.reporters.text import TextReport
    from gradguard.runtime.report import RunReport
    from gradguard.static.check import Result
    from gradguard.static.source import Source

__all__ = ["add_options", "run"]

_MOST_QUESTIONS = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--format", choices=("text", "json"), default="text", help="how to report (default: text)")
    add("--output", metavar="FILE", help="where to report (default: standard error); one file for each rank")
    add("--html", metavar="FILE", help="draw the run on a page of its own (looks at every step: slower)")
    add(
        "--trace",
        action="store_true",
        help="tell exactly where values were made, cut and changed (about 2 times slower, 5 in tiny loops)",
    )
    add("--immediate", action="store_true", help="tell each finding as soon as it is made")
    add("--strict", action="store_true", help="exit with 1 if the script succeeds but there are findings")
    add("--select", action="append", default=[], metavar="RULES", help="only these rules")
    add("--ignore", action="append", default=[], metavar="RULES", help="not these rules")
    add("--config", metavar="FILE", help="this configuration file and no other")
    add("--no-config", action="store_true", help="no configuration file")
    add("-m", dest="module", action="store_true", help="run a module, as python -m does")
    add("target", nargs="?", metavar="SCRIPT", help="the script, or with -m the module")
    add("arguments", nargs=argparse.REMAINDER, metavar="argument", help="the arguments of the script")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from gradguard.catalogue import UnknownRuleError
    from gradguard.config import ConfigError, Settings

    if options.target is None:
        return fail("name a script to run (`gradguard run train.py`), or a module after -m")
    start = os.getcwd()
    try:
        settings = Settings(
            tuple(options.select), (), tuple(options.ignore), options.config, discover=not options.no_config
        )
        here = "__main__.py" if options.module else options.target
        watched = settings.rules_of_config(settings.config(os.path.dirname(os.path.realpath(here))))
    except (UnknownRuleError, ConfigError) as error:
        return fail(str(error))
    for path in filter(None, (options.output, options.html)):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            return fail(f"cannot write {path}: there is no folder {folder}")
    if importlib.util.find_spec("torch") is None:
        return fail("gradguard run needs torch: pip install torch")
    from gradguard.runtime.script import ScriptError
    from gradguard.runtime.script import run as run_script

    writer = _Writer(options, _rank())
    try:
        status, report = run_script(
            options.target,
            options.arguments,
            module=options.module,
            select=[rule.code for rule in watched],
            ignore=() if watched else ("ALL",),
            record=options.html is not None,
            trace=options.trace,
            at_once=writer.at_once if options.immediate else None,
            on=lambda code, path: any(rule.code == code for rule in settings.rules(os.path.join(start, path))),
        )
    except ScriptError as error:
        return fail(str(error))
    try:
        writer.failed = status != 0
        writer.report(report)
        writer.draw(report)
    except OSError as error:
        return fail(f"cannot write the report: {error}")
    return 1 if options.strict and report.findings and status == 0 else status


def _rank() -> tuple[int, int] | None:
    """Which of how many processes this is, where torchrun or a launcher like it has started them."""
    try:
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:
        return None
    return (rank, size) if size > 1 else None


class _Writer:
    """Writes findings to standard error or to a file. What belongs together is written in one piece."""

    def __init__(self, options: argparse.Namespace, rank: tuple[int, int] | None) -> None:
        self._json: bool = options.format == "json"
        self.failed = False  # the script
        self._rank = rank
        self._start = os.getcwd()  # the script may go elsewhere
        self._output: str | None = None
        if options.output:
            self._output = os.path.abspath(_of_rank(options.output, rank))
        self._target: str = options.target
        self._picture: str | None = None
        if options.html:
            self._picture = os.path.abspath(_of_rank(options.html, rank))

    def at_once(self, finding: Finding) -> None:
        from gradguard.commands.progress import beside_progress_bars

        text = self._rendered((finding,), None, sys.stderr)
        with beside_progress_bars(sys.stderr):
            sys.stderr.write(text)
            sys.stderr.flush()

    def report(self, report: RunReport) -> None:
        if self._output is None:
            sys.stderr.write(self._whole(report, report.findings if self._json else report.untold(), sys.stderr))
            sys.stderr.flush()
            return
        with open(self._output, "w", encoding="utf-8") as stream:
            stream.write(self._whole(report, report.findings, stream))

    def draw(self, report: RunReport) -> None:
        """The picture of the run, where one was asked for."""
        if self._picture is None:
            return
        from gradguard.reporters.html_report import html_page
        from gradguard.reporters.text import Sources
        from gradguard.timeline import Timeline

        lines = Sources(self._sources(report.findings)).lines
        timeline = report.timeline or Timeline((), ())
        page = html_page(self._target, timeline, report.findings, report.errors, lines)
        with open(self._picture, "w", encoding="utf-8") as stream:
            stream.write(page)

    def _whole(self, report: RunReport, findings: tuple[Finding, ...], stream: TextIO) -> str:
        from gradguard.static.check import Result

        result = Result(report.findings, tuple(report.errors), 0)
        if not self._json:
            return self._rendered(findings, result, stream, report)
        from gradguard.reporters.json_report import as_data

        data = {**as_data(result), "backward_passes": report.passes, "optimizer_steps": report.steps}
        if self._rank is not None:
            data["rank"] = self._rank[0]
        return json.dumps(data, indent=2) + "\n"

    def _summary(self, text: TextReport, report: RunReport) -> None:
        found = len(report.findings)
        watched = f"{_count(report.passes, 'backward pass')} and {_count(report.steps, 'optimizer step')}"
        if found:
            text.paragraph(f"Found {_count(found, 'problem')} (watched {watched}).", "title")
        elif report.errors:
            text.paragraph(f"No problems found in {watched}, as far as they could be watched.", "title")
        elif self.failed and (report.passes or report.steps):
            text.paragraph(f"The script has failed. No pitfall that gradguard knows was seen in {watched}.", "title")
        elif report.passes or report.steps:
            text.paragraph(f"All clear: no problems found in {watched}.", "good")
        else:
            text.paragraph("Nothing to judge: no backward pass ran.", "title")

    def _sources(self, findings: tuple[Finding, ...]) -> dict[str, Source]:
        """The texts of the files, whose paths are relative to the folder that the run began in."""
        from gradguard.static.source import Source, read

        paths = {finding.location.path for finding in findings}
        paths |= {note.location.path for finding in findings for note in finding.notes}
        sources = {path: read(os.path.join(self._start, path)) for path in paths}
        return {path: source for path, source in sources.items() if isinstance(source, Source)}

    def _rendered(
        self, findings: tuple[Finding, ...], whole: Result | None, stream: TextIO, report: RunReport | None = None
    ) -> str:
        from gradguard.reporters.text import TextReport
        from gradguard.static.check import Result

        piece = _Piece(stream)
        text = TextReport(piece, self._sources(findings))
        if self._rank is not None:
            text.paragraph(f"rank {self._rank[0]} of {self._rank[1]}:", "title")
        text.findings(Result(findings, (), 0))
        if whole is not None and report is not None:
            text.errors(whole)
            self._summary(text, report)
            for question in report.open_questions[:_MOST_QUESTIONS]:
                text.paragraph(f"Run again with --trace to see where {question}.")
        return piece.getvalue()


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


class _Piece(io.StringIO):
    """A text that is made for a stream."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return self._stream.isatty()


def _of_rank(path: str, rank: tuple[int, int] | None) -> str:
    """`report.rank1.json` for `report.json`: several processes write several files."""
    if rank is None:
        return path
    root, ending = os.path.splitext(path)
    return f"{root}.rank{rank[0]}{ending}"
