"""`gradguard check`: its options, and what they do."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from gradguard.commands.output import close_output, fail

if TYPE_CHECKING:
    from gradguard.config import Settings
    from gradguard.static.check import Result
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
    sources: dict[str, Source] = {}
    try:
        result = _check(options, _settings(options), sources)
    except (UnknownRuleError, ConfigError) as error:
        return fail(str(error))
    try:
        report(result, options.format, sources)
        sys.stdout.flush()
    except BrokenPipeError:
        close_output()
    if result.errors:
        return 2
    return 1 if result.findings else 0


def _settings(options: argparse.Namespace) -> Settings:
    from gradguard.config import Settings

    return Settings(
        tuple(options.select),
        tuple(options.extend_select),
        tuple(options.ignore),
        options.config,
        discover=not options.no_config,
    )


def _check(options: argparse.Namespace, settings: Settings, sources: dict[str, Source]) -> Result:
    if options.paths == [_STDIN]:
        return _check_stdin(options.stdin_filename or "<stdin>", settings, sources)
    from gradguard.static.check import check_paths

    return check_paths(options.paths, jobs=options.jobs, settings=settings, force_exclude=options.force_exclude)


def _check_stdin(path: str, settings: Settings, sources: dict[str, Source]) -> Result:
    from gradguard.finding import CheckError
    from gradguard.static.check import check_bytes
    from gradguard.static.source import decode

    data = sys.stdin.buffer.read()
    source = decode(data, path)
    if not isinstance(source, CheckError):
        sources[path] = source
    return check_bytes(data, path, settings=settings)


def report(result: Result, form: str, sources: dict[str, Source]) -> None:
    if form == "json":
        from gradguard.reporters.json_report import write_json

        write_json(result, sys.stdout)
        return
    from gradguard.reporters.text import TextReport

    text = TextReport(sys.stdout, sources)
    text.findings(result)
    if result.errors:
        sys.stdout.flush()
        TextReport(sys.stderr).errors(result)
        sys.stderr.flush()
    text.summary(result)
