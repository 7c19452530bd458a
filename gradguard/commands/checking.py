"""One check, of paths or of standard input, and what is made of its result."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from gradguard import baseline
from gradguard.config import Settings
from gradguard.finding import CheckError, Location
from gradguard.reporters import formats
from gradguard.static.cache import FOLDER
from gradguard.static.check import Result, check_bytes, check_paths
from gradguard.static.source import Source, decode, looks_like_notebook, read

if TYPE_CHECKING:
    from gradguard.static.fixing import Change

__all__ = ["Checking"]


class Checking:
    """Checks when it is made. `run` does with the result what the options ask for, and returns the exit code."""

    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        self.options, self.settings = options, settings
        self.path: str | None = None
        self.data = b""
        self._sources: dict[str, Source | CheckError] = {}
        if options.paths == ["-"]:
            self.data = sys.stdin.buffer.read()
            self.path = options.stdin_filename or ("<stdin>.ipynb" if looks_like_notebook(self.data) else "<stdin>")
        self.result = self._check()

    def run(self) -> int:
        if self.options.diff:
            return self._diff()
        if self.options.write_baseline:
            return self._write_baseline()
        if self.options.add_ignores:
            return self._add_ignores()
        return self._fix() if self.options.fix else self.report()

    def code(self) -> int:
        if self.result.errors:
            return 2
        return int(bool(self.result.findings) and not self.options.exit_zero)

    def report(self, remark: str = "") -> int:
        # With --fix, standard output is for the repaired source that came from standard input.
        stream = sys.stderr if self.path is not None and self.options.fix else sys.stdout
        if self.options.statistics:
            formats.write_statistics(self.result, self.options.format, stream)
        else:
            sources = {path: source for path, source in self._sources.items() if isinstance(source, Source)}
            formats.write(self.result, self.options.format, stream, sources, remark)
        return self.code()

    def _check(self) -> Result:
        self._sources.clear()
        if self.path is None:
            result = check_paths(
                self.options.paths,
                jobs=self.options.jobs,
                settings=self.settings,
                force_exclude=self.options.force_exclude,
                cache=None if self.options.no_cache else FOLDER,
            )
        else:
            self._sources[self.path] = decode(self.data, self.path)
            result = check_bytes(self.data, self.path, settings=self.settings)
        if self.options.baseline and not self.options.write_baseline:
            fresh = baseline.new_findings(result.findings, self.options.baseline, self._line)
            result = replace(result, findings=fresh)
        return result

    def _line(self, location: Location) -> str:
        source = self._sources.get(location.path)
        if source is None:
            source = self._sources[location.path] = read(location.path)
        lines = source.lines(location.cell) if isinstance(source, Source) else []
        return lines[location.line - 1] if location.line <= len(lines) else ""

    # --- what changes files ------------------------------------------------------------------------------------------

    def _fix(self) -> int:
        from gradguard.commands.fix import apply, summary

        changed = self._changes()
        problems: list[CheckError] = []
        if self.path is None:
            problems = apply(changed)
        else:
            self.data = changed[0].after if changed else self.data
            sys.stdout.buffer.write(self.data)
            sys.stdout.flush()
        if not changed:
            return self.report()
        self._check_again(problems)
        return self.report(summary(changed, "Fixed"))

    def _diff(self) -> int:
        from gradguard.commands.fix import diff, summary

        changed = self._changes()
        for change in changed:
            for line in diff(change):
                sys.stdout.write(line)
        sys.stdout.flush()
        for error in self.result.errors:
            sys.stderr.write(f"{error.path}: error: {error.message}\n")
        if changed:
            sys.stderr.write(summary(changed, "Would fix") + "\n")
        return 2 if self.result.errors else int(bool(changed) and not self.options.exit_zero)

    def _changes(self) -> list[Change]:
        from gradguard.static.fixing import Change, changes, fix_bytes

        def check(data: bytes, path: str) -> Result:
            return check_bytes(data, path, settings=self.settings)

        unsafe = self.options.unsafe_fixes
        if self.path is None:
            return changes(self.result, check, unsafe=unsafe)
        after, fixed = fix_bytes(self.data, self.path, self.result.findings, check, unsafe=unsafe)
        return [Change(self.path, self.data, after, fixed)] if fixed else []

    def _add_ignores(self) -> int:
        from gradguard.commands.fix import apply, summary
        from gradguard.static.ignoring import ignores

        changed, missed = ignores(self.result.findings)
        problems = apply(changed)
        self._check_again([*missed, *problems])
        return self.report(summary(changed, "Ignored") if changed else "")

    def _check_again(self, problems: list[CheckError]) -> None:
        result = self._check()
        self.result = replace(result, errors=(*result.errors, *problems))

    def _write_baseline(self) -> int:
        baseline.save(self.options.write_baseline, self.result.findings, self._line)
        count = len(self.result.findings)
        sys.stdout.write(f"Wrote {count} {'finding' if count == 1 else 'findings'} to {self.options.write_baseline}.\n")
        self.result = replace(self.result, findings=())
        if self.result.errors:
            formats.write(self.result, "text", sys.stdout)
        return self.code()
