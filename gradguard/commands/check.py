"""`gradguard check`: its options, and how it ends."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from gradguard.commands.output import close_output, fail

if TYPE_CHECKING:
    from gradguard.commands.checking import Checking
    from gradguard.config import Settings

__all__ = ["add_options", "check"]

_FORMATS = ("text", "concise", "json", "sarif", "github", "junit")
_RULES = "codes, beginnings of codes, names or ALL, separated by commas"
# What cannot be asked for together: each of them says what is to be done with the findings.
_EXCLUSIVE = ("fix", "diff", "add_ignores", "write_baseline", "watch")


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="a file or a folder, or - for standard input")
    add("--format", choices=_FORMATS, default="text", help="how to report (default: text)")
    for name, text in (
        ("--select", f"only these rules: {_RULES}"),
        ("--extend-select", "these rules besides the others"),
        ("--ignore", "not these rules"),
    ):
        add(name, action="append", default=[], metavar="RULES", help=text)
    add("--fix", action="store_true", help="repair what can be repaired with certainty")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff: also where the intent is a guess")
    add("--diff", action="store_true", help="show what --fix would change, and change nothing")
    add("--add-ignores", action="store_true", help="write a comment that ignores it beside each finding")
    add("--baseline", metavar="FILE", help="report only what is not in this file")
    add("--write-baseline", metavar="FILE", help="write all findings into this file, and report none")
    add("--statistics", action="store_true", help="report only how often each rule is broken")
    add("--exit-zero", action="store_true", help="exit with 0 also if there are findings")
    add("--watch", action="store_true", help="check again whenever a file changes")
    add("--config", metavar="FILE", help="read this configuration file and no other")
    add("--no-config", action="store_true", help="read no configuration file")
    add(
        "--force-exclude",
        action="store_true",
        help="leave out excluded files even if they are named; to name none is fine",
    )
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
    from gradguard.baseline import BaselineError
    from gradguard.catalogue import UnknownRuleError
    from gradguard.commands.checking import Checking
    from gradguard.config import ConfigError

    if options.diff:
        options.fix = False  # `--fix --diff` shows what `--fix` would do
    if wrong := _contradiction(options):
        return fail(wrong)
    try:
        if options.watch:
            from gradguard.commands.watching import watch

            return watch(options, settings)
        checking = Checking(options, settings(options))
        return _finish(checking)
    except (UnknownRuleError, ConfigError, BaselineError) as error:
        return fail(str(error))


def _finish(checking: Checking) -> int:
    try:
        code = checking.run()
        sys.stdout.flush()
    except BrokenPipeError:
        close_output()
        return checking.code()
    return code


def _contradiction(options: argparse.Namespace) -> str:
    if not options.paths and not options.force_exclude:
        if options.stdin_filename:
            return "--stdin-filename is for standard input: `gradguard check - --stdin-filename PATH`"
        return "name files or folders to check (`gradguard check .`), or - for standard input"
    if options.stdin_filename and "-" not in options.paths:
        return "--stdin-filename is for standard input, which is read only if - is given in place of paths"
    asked = [f"--{name.replace('_', '-')}" for name in _EXCLUSIVE if getattr(options, name)]
    if len(asked) > 1:
        return f"{asked[0]} and {asked[1]} exclude each other"
    if options.config and options.no_config:
        return "--config and --no-config exclude each other"
    if options.unsafe_fixes and not (options.fix or options.diff):
        return "--unsafe-fixes needs --fix or --diff"
    if "-" in options.paths:
        if len(options.paths) > 1:
            return "standard input cannot be checked together with paths"
        for name in ("add_ignores", "watch"):
            if getattr(options, name):
                return f"--{name.replace('_', '-')} needs files, not standard input"
    return ""


def settings(options: argparse.Namespace) -> Settings:
    """The settings of the command line."""
    from gradguard.config import Settings

    return Settings(
        tuple(options.select),
        tuple(options.extend_select),
        tuple(options.ignore),
        options.config,
        discover=not options.no_config,
    )
