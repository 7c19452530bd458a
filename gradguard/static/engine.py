"""From a parsed file to findings. Positions are worked out only where there is something to report."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import libcst as cst

from gradguard.finding import CheckError, Finding, Location, Note
from gradguard.rule import Report, Rule
from gradguard.static import explore, index
from gradguard.static.project import Project, SourceFile
from gradguard.static.source import Source

__all__ = ["check_module"]


def check_module(source: Source, module: cst.Module, rules: Sequence[Rule]) -> tuple[list[Finding], list[CheckError]]:
    """Execute a file abstractly and report what the rules say of it, sorted by nothing in particular."""
    file = SourceFile(source, module, index.build(module))
    reports = explore.explore(Project(file), rules)
    if not reports:
        return [], []
    by_name = {rule.name: rule for rule in rules}
    places = _Places()
    findings = []
    seen: set[tuple[str, Location]] = set()
    for (name, _, _), report in reports.items():
        finding = _finding(by_name[name], report, places)
        if (name, finding.location) not in seen:
            seen.add((name, finding.location))
            findings.append(finding)
    return findings, []


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

    def __init__(self) -> None:
        self._positions: dict[SourceFile, object] = {}

    def of(self, site: Hashable) -> Location:
        assert isinstance(site, tuple)
        file, node = site
        positions = self._positions.get(file)
        if positions is None:
            from libcst.metadata import MetadataWrapper, PositionProvider

            wrapper = MetadataWrapper(file.module, unsafe_skip_copy=True)
            positions = self._positions[file] = wrapper.resolve(PositionProvider)
        span = positions[node]  # type: ignore[index]
        return file.source.location(
            span.start.line, span.start.column + 1, span.end.line, span.end.column + 1
        )
