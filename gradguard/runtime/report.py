"""What a watch has found: reports of rules at sites become findings, each place once, with a count."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace

from gradguard.finding import CheckError, Finding, Location, Note
from gradguard.rule import Report, Rule
from gradguard.timeline import Timeline

__all__ = ["RunReport"]

# A place that also does the right thing now and then, or did the wrong thing just once, is left alone.
_NEEDS_PROOF = frozenset({"zero-grad-before-step", "step-without-backward"})
_OFTEN_ENOUGH = 2


@dataclass(slots=True)
class _Entry:
    finding: Finding
    count: int = 0
    acquitted: bool = False
    site: Hashable = None
    told: bool = False
    idle: Hashable = None  # the step that found nothing, where the finding is about that


@dataclass
class RunReport:
    """Grows while its watch is open. `findings` can be read at any time."""

    codes: frozenset[str]
    errors: list[CheckError] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    timeline: Timeline | None = None
    passes: int = 0  # backward passes that were begun
    steps: int = 0  # of optimizers
    at_once: Callable[[Finding], object] | None = None  # is told each finding as soon as it is sure
    on: Callable[[str, str], bool] | None = None  # whether a rule (by its code) is on in a file
    left_open: dict[tuple[str, Location], str] = field(default_factory=dict)  # what a run that is traced would tell
    _entries: dict[Hashable, _Entry] = field(default_factory=dict, repr=False)
    _acquitted: set[Hashable] = field(default_factory=set, repr=False)
    _explained: set[tuple[str, Hashable]] = field(default_factory=set, repr=False)
    _of_children: dict[tuple[str, Location], tuple[Finding, list[int]]] = field(default_factory=dict, repr=False)
    _behind: set[Hashable] = field(default_factory=set, repr=False)
    _hidden: set[Hashable] = field(default_factory=set, repr=False)
    _steps: dict[Hashable, list[int]] = field(default_factory=dict, repr=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Each pitfall once for each place, sorted by place. The last note tells how often it was seen."""
        merged: dict[tuple[str, Location], tuple[Finding, int]] = {}
        for entry in self._entries.values():
            if not self._proved(entry) or (entry.finding.rule, entry.site) in self._explained:
                continue
            key = entry.finding.code, entry.finding.location
            first, count = merged.get(key, (entry.finding, 0))
            merged[key] = first, count + entry.count
        found = [self._in_children(_counted(finding, count)) for finding, count in merged.values()]
        alone = {key: finding for key, (finding, _) in self._of_children.items() if key not in merged}
        found += map(self._in_children, alone.values())
        return tuple(sorted(found, key=lambda finding: (finding.location, finding.code)))

    def add_child(self, number: int, findings: Iterable[Finding]) -> None:
        """What was found in a child process."""
        for finding in findings:
            if self.on is None or self.on(finding.code, finding.location.path):
                key = finding.code, finding.location
                self._of_children.setdefault(key, (finding, []))[1].append(number)

    def _in_children(self, finding: Finding) -> Finding:
        known = self._of_children.get((finding.code, finding.location))
        if known is None:
            return finding
        numbers = ", ".join(map(str, known[1]))
        where = f"in child process {numbers}" if len(known[1]) == 1 else f"in child processes {numbers}"
        return replace(finding, notes=(*finding.notes, Note(finding.location, where)))

    @property
    def open_questions(self) -> tuple[str, ...]:
        """What the findings leave open and a run that is traced would tell, as it goes on after "to see where"."""
        found = (self.left_open.get((finding.code, finding.location)) for finding in self.findings)
        return tuple(dict.fromkeys(question for question in found if question))

    def _proved(self, entry: _Entry) -> bool:
        if entry.finding.rule not in _NEEDS_PROOF:
            return True
        if entry.idle is not None:
            idle, useful = self._steps.get(entry.idle, (0, 0))
            if entry.idle in self._behind:
                return True
            return idle >= _OFTEN_ENOUGH and not useful
        return entry.count >= _OFTEN_ENOUGH and not entry.acquitted

    def was_idle_once(self, site: Hashable) -> bool:
        """Whether the first step there has found no gradient, and no other has been made since."""
        return self._steps.get(site) == [1, 0]

    def stepped(self, site: Hashable, found: bool, *, behind: bool = False) -> None:
        """An optimizer has stepped there, and found a gradient or none; `behind`, that of the turn before."""
        if behind and self.was_idle_once(site):
            self._behind.add(site)
        self._steps.setdefault(site, [0, 0])[found] += 1

    def add(
        self,
        rule: Rule,
        report: Report,
        locate: Callable[[Hashable], Location | None],
        extra: Iterable[tuple[Hashable, str]] = (),
        idle: Hashable = None,
        hide: Callable[[Rule, Location], bool] | None = None,
    ) -> Finding | None:
        """Take a report in. Returns its finding if it is the first of its place."""
        key = rule.code, report.site
        if rule.code not in self.codes or key in self._hidden:
            return None
        entry = self._entries.get(key)
        if entry is None:
            place = locate(report.site)
            if place is None:
                return None
            if (hide is not None and hide(rule, place)) or (self.on is not None and not self.on(rule.code, place.path)):
                self._hidden.add(key)
                return None
            notes = [(locate(site), text) for site, text in (*report.notes, *extra)]
            finding = Finding(
                rule.name,
                rule.code,
                report.message,
                place,
                tuple(Note(location, text) for location, text in notes if location is not None),
                report.help,
            )
            entry = self._entries[key] = _Entry(finding, acquitted=key in self._acquitted, site=report.site, idle=idle)
            self._explained.update(report.instead_of)
        entry.count += 1
        explained = (rule.name, report.site) in self._explained
        if self.at_once is not None and not entry.told and not explained and self._proved(entry):
            self._tell(entry, self.at_once)
        return entry.finding

    def _tell(self, entry: _Entry, at_once: Callable[[Finding], object]) -> None:
        try:
            at_once(entry.finding)
            entry.told = True
        except Exception:  # nobody listens any more; the report at the end tells it
            self.at_once = None

    def untold(self) -> tuple[Finding, ...]:
        """The findings that `at_once` was not told."""
        told = {(entry.finding.code, entry.finding.location) for entry in self._entries.values() if entry.told}
        return tuple(finding for finding in self.findings if (finding.code, finding.location) not in told)

    def acquit(self, rule: Rule, site: Hashable) -> None:
        if rule.name not in _NEEDS_PROOF:
            return
        key = rule.code, site
        self._acquitted.add(key)
        if key in self._entries:
            self._entries[key].acquitted = True


def _counted(finding: Finding, count: int) -> Finding:
    if count == 1:
        return finding
    return replace(finding, notes=(*finding.notes, Note(finding.location, f"seen {count} times in this run")))
