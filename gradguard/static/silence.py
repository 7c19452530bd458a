"""Comments that silence findings, applied to what a whole check has found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from gradguard import suppress
from gradguard.events import UnusedSuppression
from gradguard.finding import Edit, Finding, Fix, Location
from gradguard.ledger import Ledger
from gradguard.rule import Report, Rule
from gradguard.static.source import Source
from gradguard.suppress import Suppressions, Unused

__all__ = ["engine_rules", "judges_suppressions", "silence"]


def judges_suppressions(rules: Sequence[Rule]) -> bool:
    return any(rule.name == suppress.NAME for rule in rules)


def engine_rules(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules to check. To judge a comment, the rules that it may silence must be checked, too."""
    if not judges_suppressions(rules):
        return tuple(rules)
    from gradguard import catalogue

    names = {rule.name for rule in rules}
    return tuple(rule for rule in catalogue.all_rules() if rule.default or rule.name in names)


def silence(
    findings: Iterable[Finding],
    rules_of: Callable[[str], tuple[Rule, ...]],
    read: Callable[[str], Source | None],
    suspects: Iterable[str] = (),
) -> list[Finding]:
    """The findings that no comment silences, and the unused comments in the `suspects`, where that is asked for.

    `rules_of` gives the rules that are on in a file, `read` the source that lies under a path.
    """
    comments: dict[str, tuple[Source, Suppressions] | None] = {}

    def comments_in(path: str) -> tuple[Source, Suppressions] | None:
        if path not in comments:
            source = read(path)
            comments[path] = None if source is None else (source, suppress.find(source.text))
        return comments[path]

    off: dict[str, set[str]] = {}

    def is_off(finding: Finding) -> bool:
        path = finding.location.path
        if path not in off:
            off[path] = _known() - {rule.name for rule in rules_of(path)}
        return finding.rule in off[path]

    # Findings that were not asked for count, too: a comment that hides one of them is of use.
    shown = [finding for finding in findings if not _is_hidden(finding, comments_in(finding.location.path))]
    kept = [finding for finding in shown if not is_off(finding)]
    for path in dict.fromkeys([*suspects, *comments]):
        judge = next((rule for rule in rules_of(path) if rule.name == suppress.NAME), None)
        if judge is not None and (found := comments_in(path)) is not None:
            kept += _unused(judge, engine_rules(rules_of(path)), *found)
    return kept


def _known() -> set[str]:
    from gradguard import catalogue

    return {rule.name for rule in catalogue.all_rules()}


def _is_hidden(finding: Finding, comments: tuple[Source, Suppressions] | None) -> bool:
    if comments is None or not comments[1]:
        return False
    source, suppressions = comments
    from gradguard import catalogue

    place = finding.location
    first, last = (source.line_of(number, place.cell) for number in (place.line, place.end_line))
    return suppressions.hides(finding.code, finding.rule, first, last, catalogue.find(finding.code).aliases)


def _unused(judge: Rule, checked: Sequence[Rule], source: Source, suppressions: Suppressions) -> Iterator[Finding]:
    from gradguard import catalogue

    known = catalogue.all_rules()
    lines = source.lines()
    for unused in list(suppressions.unused(checked, known)):
        entry = unused.suppression
        if suppressions.hides(judge.code, judge.name, entry.line):
            continue
        line = lines[entry.line - 1]
        event = UnusedSuppression(
            site=source.location(entry.line, entry.column, entry.line, entry.end_column),
            text=line[entry.column - 1 : entry.end_column - 1],
            tokens=unused.tokens,
            unknown=unused.unknown,
            whole=unused.whole,
            nearest=_nearest(unused.unknown[0], known) if unused.unknown else "",
        )
        for said in judge.detect[UnusedSuppression](event, Ledger()):
            if isinstance(said, Report) and isinstance(said.site, Location):
                fix = Fix("remove the unused suppression", (_removal(source, line, unused),), safe=True)
                yield Finding(judge.name, judge.code, said.message, said.site, (), said.help or judge.instead, fix)


def _nearest(token: str, known: Sequence[Rule]) -> str:
    names = {text.lower(): text for rule in known for text in (*rule.names, rule.code)}
    near = difflib.get_close_matches(token.lower(), names, n=1, cutoff=0.6)
    return names[near[0]] if near else ""


def _removal(source: Source, line: str, unused: Unused) -> Edit:
    """The edit that takes the unused part out of its comment, the comment out of its line, or the line out."""
    entry = unused.suppression
    start, end = entry.column - 1, entry.end_column - 1
    if not unused.whole:
        kept = [token for token in entry.tokens if token not in unused.tokens]
        text = line[start:end]
        first = text.index(entry.tokens[0], text.index(":"))
        last = max(match.end() for match in re.finditer(re.escape(entry.tokens[-1]), text))
        return Edit(
            source.location(entry.line, entry.column, entry.line, entry.end_column),
            text[:first] + ", ".join(kept) + text[last:],
        )
    rest = line[end:]
    # What follows is another comment, or the reason that was given for this one.
    follows = rest.lstrip()
    if follows.startswith("#"):
        end += len(rest) - len(follows)
    else:
        another = rest.find("#")
        end = len(line) if another < 0 else end + another
    if end == len(line):
        start = len(line[:start].rstrip())
    if start == 0 and end == len(line):
        place = source.location(entry.line, 1, entry.line, 1)
        return Edit(replace(place, end_line=place.line + 1), "")
    return Edit(source.location(entry.line, start + 1, entry.line, end + 1), "")
