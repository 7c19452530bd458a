"""`gradguard check`: its options, and what they do."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from gradguard.commands.output import close_output, fail

if TYPE_CHECKING:
    from gradguard.config import Settings
    from gradguard.finding import CheckError
    from gradguard.static.check import Result
    from gradguard.static.fixing import Change
    from gradguard.static.source import Source

__all__ = ["add_options", "check"]

_STDIN = "-"
_RULES = "codes, beginnings of codes, names or ALL, separated by commas"


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="a file or a folder, or - for standard input")
    add("--format", choices=("text", "json"), default="text", help="how to report (default: text)")
    for name, text in (
        ("--select", f"only these rules: {_RULES}"),
        ("--extend-select", "these rules besides the others"),
        ("--ignore", "not these rules"),
    ):
        add(name, action="append", default=[], metavar="RULES", help=text)
    add("--fix", action="store_true", help="repair what can be repaired with certainty")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also where the intent is a guess")
    add("--diff", action="store_true", help="show what --fix would change, and change nothing")
    add("--config", metavar="FILE", help="read this configuration file and no other")
    add("--no-config", action="store_true", help="read no configuration file")
    add("--force-exclude", action="store_true", help="leave out excluded files even if they are named")
    add("--stdin-filename", metavar="PATH", help="the path to report for standard input")
    add("--jobs", type=_jobs, metavar="N", help="number of processes (default: by the amount of work)")
    add("--no-cache", action="store_true", help="neither read nor write a cache")


def _jobs(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_jobs.__name__ = "number of processes"  # argparse names the type of an invalid value


def check(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from gradguard.catalogue import UnknownRuleError
    from gradguard.config import ConfigError

    if _STDIN in options.paths and len(options.paths) > 1:
        return fail("standard input cannot be checked together with paths")
    if options.config and options.no_config:
        return fail("--config and --no-config exclude each other")
    if options.unsafe_fixes and not (options.fix or options.diff):
        return fail("--unsafe-fixes needs --fix or --diff")
    try:
        run = _Run(options, _settings(options))
    except (UnknownRuleError, ConfigError) as error:
        return fail(str(error))
    try:
        code = run.diff() if options.diff else run.report()
        sys.stdout.flush()
    except BrokenPipeError:
        close_output()
        return _code(run.result)
    return code


def _settings(options: argparse.Namespace) -> Settings:
    from gradguard.config import Settings

    return Settings(
        tuple(options.select),
        tuple(options.extend_select),
        tuple(options.ignore),
        options.config,
        discover=not options.no_config,
    )


class _Run:
    """One check, of paths or of standard input, and what is made of its result."""

    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        self.options, self.settings = options, settings
        self.path: str | None = None
        self.data = b""
        if options.paths == [_STDIN]:
            self.path = options.stdin_filename or "<stdin>"
            self.data = sys.stdin.buffer.read()
        self.result = self._check()

    def report(self) -> int:
        stream = sys.stdout
        fixed = ""
        if self.options.fix:
            from gradguard.commands.fix import apply, summary

            changed = self._changes()
            problems: list[CheckError] = []
            if self.path is not None:
                self.data = changed[0].after if changed else self.data
                sys.stdout.buffer.write(self.data)
                stream = sys.stderr
            else:
                problems = apply(changed)
            if changed:
                fixed = summary(changed, done=True)
                self.result = self._check()
                self.result = replace(self.result, errors=(*self.result.errors, *problems))
        report(self.result, self.options.format, stream, self._sources(), fixed)
        return _code(self.result)

    def diff(self) -> int:
        from gradguard.commands.fix import diff, summary

        changed = self._changes()
        for change in changed:
            for line in diff(change):
                sys.stdout.write(line)
        for error in self.result.errors:
            sys.stderr.write(f"{error.path}: error: {error.message}\n")
        if changed:
            sys.stdout.flush()
            sys.stderr.write(summary(changed, done=False) + "\n")
        return 2 if self.result.errors else int(bool(changed))

    def _check(self) -> Result:
        from gradguard.static.check import check_bytes, check_paths

        if self.path is not None:
            return check_bytes(self.data, self.path, settings=self.settings)
        return check_paths(
            self.options.paths,
            jobs=self.options.jobs,
            settings=self.settings,
            force_exclude=self.options.force_exclude,
        )

    def _changes(self) -> list[Change]:
        from gradguard.static.check import check_bytes
        from gradguard.static.fixing import Change, changes, fix_bytes

        def check(data: bytes, path: str) -> Result:
            return check_bytes(data, path, settings=self.settings)

        unsafe = self.options.unsafe_fixes
        if self.path is None:
            return changes(self.result, check, unsafe=unsafe)
        after, fixed = fix_bytes(self.data, self.path, self.result.findings, check, unsafe=unsafe)
        return [Change(self.path, self.data, after, fixed)] if fixed else []

    def _sources(self) -> dict[str, Source]:
        from gradguard.finding import CheckError
        from gradguard.static.source import decode

        if self.path is None:
            return {}
        source = decode(self.data, self.path)
        return {} if isinstance(source, CheckError) else {self.path: source}


def _code(result: Result) -> int:
    return 2 if result.errors else int(bool(result.findings))


def report(result: Result, form: str, stream: TextIO, sources: dict[str, Source], fixed: str = "") -> None:
    if form == "json":
        from gradguard.reporters.json_report import write_json

        write_json(result, stream)
        return
    from gradguard.reporters.text import TextReport

    text = TextReport(stream, sources)
    text.findings(result)
    if result.errors:
        stream.flush()
        TextReport(sys.stderr).errors(result)
        sys.stderr.flush()
    if fixed:
        text.paragraph(fixed, "good")
    text.summary(result)
