"""From a parsed file to findings. Positions are worked out only where there is something to report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.finding import CheckError, Finding, Location, Note
from gradguard.rule import Report, Rule
from gradguard.static import explore, index, project
from gradguard.static.fixes.code import Code
from gradguard.static.outcome import Dependencies
from gradguard.static.parse import parse
from gradguard.static.project import Project, SourceFile
from gradguard.static.repair import with_fixes
from gradguard.static.source import Source, Stamp

if TYPE_CHECKING:
    from libcst.metadata import CodeRange

__all__ = ["check_module"]


def check_module(
    source: Source,
    module: cst.Module,
    rules: Sequence[Rule],
    *,
    dependencies: Dependencies | None = None,
    stamp: Stamp | None = None,
    proposing: bool = True,
) -> tuple[list[Finding], list[CheckError]]:
    """Execute a file abstractly and report what the rules say of it, sorted by nothing in particular.

    What it depends on besides the file is noted in `dependencies`. With a `stamp`, the source is what lies on disk, and
    is kept for files that import it. With `proposing`, findings carry repairs that have been tried.
    """
    file = SourceFile(source, module, index.build(module))
    if stamp is not None:
        project.remember(file, stamp)
    own = Project(file)
    reports = explore.explore(own, rules)
    if dependencies is not None:
        own.note(dependencies)
    if not reports:
        return [], []
    by_name = {rule.name: rule for rule in rules}
    places = _Places([file, *(other for other in own.loaded.values() if other is not None)])
    found: list[tuple[Finding, Report]] = []
    seen: set[tuple[str, Location]] = set()
    for (name, _, _), report in reports.items():
        finding = _finding(by_name[name], report, places)
        if (name, finding.location) not in seen:
            seen.add((name, finding.location))
            found.append((finding, report))
    if not proposing:
        return [finding for finding, _ in found], []

    def recheck(changed: Source) -> list[Finding] | CheckError:
        parsed = parse(changed)
        if isinstance(parsed, CheckError):
            return parsed
        return check_module(changed, parsed, rules, dependencies=dependencies, proposing=False)[0]

    return with_fixes(found, lambda: places.code(file), recheck), []


def _finding(rule: Rule, report: Report, places: _Places) -> Finding:
    return Finding(
        rule.name,
        rule.code,
        report.message,
        places.of(report.site),
        tuple(Note(places.of(site), text) for site, text in report.notes),
        report.help or rule.instead,
    )


class _Places:
    """Locations of syntax nodes. Each file's positions are computed once, and only if one is asked for."""

    def __init__(self, files: list[SourceFile]) -> None:
        self._files = files
        self._code: Code | None = None
        self._positions: dict[SourceFile, Mapping[cst.CSTNode, CodeRange]] = {}

    def of(self, site: Hashable) -> Location:
        assert isinstance(site, tuple)
        likely: SourceFile = site[0]
        node: cst.CSTNode = site[1]
        for file in dict.fromkeys([likely, *self._files]):
            span = self._of_file(file).get(node)
            if span is not None:
                start, end = span.start, span.end
                return file.source.location(start.line, start.column + 1, end.line, end.column + 1)
        raise LookupError("a reported place lies in no file")

    def code(self, file: SourceFile) -> Code:
        """A file with its positions, for repairs."""
        if self._code is None:
            self._code = Code(file, self._of_file(file))
        return self._code

    def _of_file(self, file: SourceFile) -> Mapping[cst.CSTNode, CodeRange]:
        positions = self._positions.get(file)
        if positions is None:
            from libcst.metadata import MetadataWrapper, PositionProvider

            wrapper = MetadataWrapper(file.module, unsafe_skip_copy=True)
            positions = self._positions[file] = wrapper.resolve(PositionProvider)
        return positions
