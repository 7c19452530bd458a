"""The command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gradguard import __version__
from gradguard.commands.check import add_options as add_check_options
from gradguard.commands.check import check
from gradguard.commands.output import close_output, fail
from gradguard.commands.parser import Parser
from gradguard.commands.run import add_options as add_run_options
from gradguard.commands.run import run

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
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["help"]:
        given = [*given[1:2], "--help"]
    parser = _parser()
    commands = parser.commands
    if given and not given[0].startswith("-"):
        parser.command(given[0], commands)
    elif given and len(given) > 1 and given[0].partition("=")[0] in commands["check"].options:
        return fail(f"options come after the command: gradguard check {' '.join(given)}")
    options, unknown = parser.parse_known_args(given)
    if unknown:
        commands.get(options.command, parser).reject(unknown)
    if options.command == "check":
        return check(options)
    if options.command == "run":
        return run(options)
    if options.command == "server":
        from gradguard.commands.server import server

        return server()
    if options.command == "explain":
        return _explain(options.rule)
    if options.command == "rules":
        return _rules(options.format)
    parser.print_help(sys.stderr)
    return 2


def _parser() -> Parser:
    parser = Parser(
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

    runner = commands.add_parser(
        "run",
        help="run a script and watch its training",
        description="Run a script, or a module with -m, and watch what really happens to its gradients.",
        epilog=_RUN_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="gradguard run [options] (SCRIPT | -m MODULE) [argument ...]",
    )
    add_run_options(runner)

    commands.add_parser(
        "server",
        help="run a language server for editors",
        description="Run a language server on standard input and output (needs the extra lsp).",
    )

    explain = commands.add_parser(
        "explain", help="explain a rule", description="Explain a rule, or list a family of them."
    )
    explain.add_argument("rule", metavar="RULE", help="the code or the name of a rule, or the beginning of codes (GG1)")

    rules = commands.add_parser("rules", help="list the rules", description="List the rules.")
    rules.add_argument("--format", choices=("text", "json"), default="text", help="how to list (default: text)")
    return parser


def _explain(token: str) -> int:
    from gradguard import catalogue
    from gradguard.reporters.pages import explain, list_rules

    family = catalogue.family(token)
    if family:
        list_rules(family, sys.stdout)
        return 0
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
