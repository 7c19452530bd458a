"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from gradguard import __version__
from gradguard.commands.check import add_options as add_check_options
from gradguard.commands.check import check
from gradguard.commands.output import close_output, fail

if TYPE_CHECKING:
    from gradguard.runtime.report import RunReport

__all__ = ["main"]

_EXIT_CODES = """\
exit codes:
  0  nothing was found
  1  there are findings
  2  something could not be checked, or the command was wrong; the rest is checked and reported all the same
"""
_RUN_EXIT_CODES = """\
exit codes:
  the exit code of the script
  1  also if the script succeeds, there are findings, and --strict is given
  2  also if the script cannot be opened or the command was wrong
"""


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
        close_output()
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "check":
        return check(options)
    if options.command == "run":
        return _run_script(options)
    if options.command == "server":
        from gradguard.commands.server import server

        return server()
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

    checker = commands.add_parser(
        "check",
        help="check files, folders and notebooks",
        description="Check Python files, Jupyter notebooks, and folders with all that lies in them.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_check_options(checker)

    run = commands.add_parser(
        "run",
        help="run a script and watch its training",
        description="Run a script, or a module with -m, and watch what really happens to its gradients.",
        epilog=_RUN_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="gradguard run [options] (SCRIPT | -m MODULE) [argument ...]",
    )
    run.add_argument("--format", choices=("text", "json"), default="text", help="how to report (default: text)")
    run.add_argument("--output", metavar="FILE", help="where to report (default: standard error)")
    run.add_argument("--html", metavar="FILE", help="draw the run on a page of its own (looks at every step: slower)")
    run.add_argument("--strict", action="store_true", help="exit with 1 if the script succeeds but there are findings")
    run.add_argument("--select", action="append", default=[], metavar="RULES", help="only these rules")
    run.add_argument("--ignore", action="append", default=[], metavar="RULES", help="not these rules")
    run.add_argument("-m", dest="module", action="store_true", help="run a module, as python -m does")
    run.add_argument("target", metavar="SCRIPT", help="the script, or with -m the module")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="argument", help="the arguments of the script")

    commands.add_parser(
        "server",
        help="run a language server for editors",
        description="Run a language server on standard input and output (needs the extra lsp).",
    )

    explain = commands.add_parser("explain", help="explain a rule", description="Explain a rule.")
    explain.add_argument("rule", metavar="RULE", help="the code or the name of a rule")

    rules = commands.add_parser("rules", help="list the rules", description="List the rules.")
    rules.add_argument("--format", choices=("text", "json"), default="text", help="how to list (default: text)")
    return parser


def _run_script(options: argparse.Namespace) -> int:
    import importlib.util

    from gradguard import catalogue

    try:
        catalogue.select(options.select, options.ignore)
    except catalogue.UnknownRuleError as error:
        return fail(str(error))
    if importlib.util.find_spec("torch") is None:
        return fail("gradguard run needs torch: pip install torch")
    from gradguard.runtime.script import ScriptError, run

    output = os.path.abspath(options.output) if options.output else None  # noqa: PTH100 - the script may change folders
    picture = os.path.abspath(options.html) if options.html else None  # noqa: PTH100 - as above
    start = os.getcwd()  # noqa: PTH109 - nothing but a text is needed
    try:
        status, report = run(
            options.target,
            options.arguments,
            module=options.module,
            select=options.select,
            ignore=options.ignore,
            record=picture is not None,
        )
    except ScriptError as error:
        return fail(str(error))
    try:
        if output is None:
            _report_run(report, options.format, sys.stderr, start)
        else:
            with open(output, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a text is all there is
                _report_run(report, options.format, stream, start)
        if picture is not None:
            _draw_run(report, picture, options.target, start)
    except OSError as error:
        return fail(f"cannot write the report: {error}")
    return 1 if options.strict and report.findings and status == 0 else status


def _report_run(report: RunReport, form: str, stream: TextIO, start: str) -> None:
    from gradguard.static.check import Result

    result = Result(report.findings, tuple(report.errors), max(len(report.files), 1))
    if form == "json":
        from gradguard.reporters.json_report import write_json

        write_json(result, stream)
        return
    from gradguard.reporters.text import TextReport

    with contextlib.suppress(OSError):
        os.chdir(start)  # the paths of the findings are relative to it
    text = TextReport(stream)
    text.findings(result)
    text.errors(result)
    text.summary(result)


def _draw_run(report: RunReport, path: str, target: str, start: str) -> None:
    from gradguard.reporters.html_report import html_page
    from gradguard.reporters.text import Sources
    from gradguard.timeline import Timeline

    with contextlib.suppress(OSError):
        os.chdir(start)
    timeline = report.timeline or Timeline((), ())
    page = html_page(target, timeline, report.findings, report.errors, Sources().lines)
    with open(path, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a text is all there is
        stream.write(page)


def _explain(token: str) -> int:
    from gradguard import catalogue
    from gradguard.reporters.pages import explain

    try:
        rule = catalogue.find(token)
    except catalogue.UnknownRuleError as error:
        return fail(str(error))
    explain(rule, sys.stdout)
    return 0


def _rules(form: str) -> int:
    from gradguard import catalogue
    from gradguard.reporters.pages import list_rules, list_rules_as_json

    write = list_rules_as_json if form == "json" else list_rules
    write(catalogue.all_rules(), sys.stdout)
    return 0
