"""The command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradguard import __version__

if TYPE_CHECKING:
    from gradguard.rule import Rule
    from gradguard.static.check import Result
    from gradguard.static.source import Source

__all__ = ["main"]

_EXIT_CODES = """\
exit codes:
  0  nothing was found
  1  there are findings
  2  something could not be checked, or the command was wrong; the rest is checked and reported all the same
"""
_STDIN = "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A path may hold bytes that are no text, and a terminal may not know every character.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "check":
        return _check(options)
    if options.command == "explain":
        return _explain(options.rule)
    if options.command == "rules":
        return _rules(options.format)
    parser.print_help(sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradguard",
        description="Find autograd pitfalls in PyTorch training code.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gradguard {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    check = commands.add_parser(
        "check",
        help="check files, folders and notebooks",
        description="Check Python files, Jupyter notebooks, and folders with all that lies in them.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder, or - for standard input")
    check.add_argument("--format", choices=("text", "json"), default="text", help="how to report (default: text)")
    check.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="RULES",
        help="only these rules: codes, beginnings of codes, names or ALL, separated by commas",
    )
    check.add_argument("--ignore", action="append", default=[], metavar="RULES", help="not these rules")
    check.add_argument("--stdin-filename", metavar="PATH", help="the path to report for standard input")
    check.add_argument(
        "--jobs", type=_jobs, metavar="N", help="number of processes (default: by the amount of work and of processors)"
    )
    check.add_argument("--no-config", action="store_true", help="read no configuration file")
    check.add_argument("--no-cache", action="store_true", help="neither read nor write a cache")

    explain = commands.add_parser("explain", help="explain a rule", description="Explain a rule.")
    explain.add_argument("rule", metavar="RULE", help="the code or the name of a rule")

    rules = commands.add_parser("rules", help="list the rules", description="List the rules.")
    rules.add_argument("--format", choices=("text", "json"), default="text", help="how to list (default: text)")
    return parser


def _jobs(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_jobs.__name__ = "number of processes"  # argparse names the type of an invalid value


def _check(options: argparse.Namespace) -> int:
    from gradguard import catalogue

    try:
        rules = catalogue.select(options.select, options.ignore)
    except catalogue.UnknownRuleError as error:
        return _fail(str(error))
    if _STDIN in options.paths and len(options.paths) > 1:
        return _fail("standard input cannot be checked together with paths")
    sources: dict[str, Source] = {}
    if options.paths == [_STDIN]:
        result = _check_stdin(options.stdin_filename or "<stdin>", rules, sources)
    else:
        from gradguard.static.check import check_paths

        result = check_paths(options.paths, rules, options.jobs)
    try:
        _report(result, options.format, sources)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    if result.errors:
        return 2
    return 1 if result.findings else 0


def _check_stdin(path: str, rules: tuple[Rule, ...], sources: dict[str, Source]) -> Result:
    from gradguard.finding import CheckError
    from gradguard.static.check import check_bytes
    from gradguard.static.source import decode

    data = sys.stdin.buffer.read()
    source = decode(data, path)
    if not isinstance(source, CheckError):
        sources[path] = source
    return check_bytes(data, path, rules)


def _report(result: Result, form: str, sources: dict[str, Source]) -> None:
    if form == "json":
        from gradguard.reporters.json_report import write_json

        write_json(result, sys.stdout)
        return
    from gradguard.reporters.text import TextReport

    report = TextReport(sys.stdout, sources)
    report.findings(result)
    if result.errors:
        sys.stdout.flush()
        TextReport(sys.stderr).errors(result)
        sys.stderr.flush()
    report.summary(result)


def _explain(token: str) -> int:
    from gradguard import catalogue
    from gradguard.reporters.pages import explain

    try:
        rule = catalogue.find(token)
    except catalogue.UnknownRuleError as error:
        return _fail(str(error))
    explain(rule, sys.stdout)
    return 0


def _rules(form: str) -> int:
    from gradguard import catalogue
    from gradguard.reporters.pages import list_rules, list_rules_as_json

    write = list_rules_as_json if form == "json" else list_rules
    write(catalogue.all_rules(), sys.stdout)
    return 0


def _close_output() -> None:
    """Whoever read the output has seen enough. Without this, Python would complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    print(f"gradguard: error: {message}", file=sys.stderr)
    return 2
