"""The pipeline from paths to findings: read, test for triggers, decode, parse, execute abstractly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from gradguard.finding import CheckError, Finding
from gradguard.static.files import discover
from gradguard.static.silence import engine_rules, judges_suppressions, silence
from gradguard.static.source import Source, Stamp, decode, from_text, read, read_bytes, stamp_of
from gradguard.static.triggers import is_worth_parsing
from gradguard.suppress import may_suppress

if TYPE_CHECKING:
    from gradguard.config import Settings
    from gradguard.rule import Rule

__all__ = ["Result", "check_bytes", "check_paths", "check_source"]

TRACEBACK_VARIABLE = "GRADGUARD_TRACEBACK"

# Starting worker processes pays off from here on.
_BYTES_PER_WORKER = 150_000
_MOST_WORKERS = 16
_UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

_RulesOf: TypeAlias = "Callable[[str], tuple[Rule, ...]]"
_Outcome: TypeAlias = "tuple[list[Finding], list[CheckError]]"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found, what it could not check, and how many files it could."""

    findings: tuple[Finding, ...] = ()
    errors: tuple[CheckError, ...] = ()
    files: int = 0


def check_source(text: str, path: str = "<string>", rules: Sequence[Rule] | None = None) -> Result:
    """Check source text. If `path` ends with `.ipynb`, the text is a notebook's JSON."""
    return _check_one(from_text(text, path), path, rules)


def check_bytes(
    data: bytes, path: str, rules: Sequence[Rule] | None = None, *, settings: Settings | None = None
) -> Result:
    """Check source code as it lies in a file."""
    return _check_one(decode(data, path), path, rules, settings)


def check_paths(
    paths: Iterable[str],
    rules: Sequence[Rule] | None = None,
    jobs: int | None = 1,
    *,
    settings: Settings | None = None,
    force_exclude: bool = False,
) -> Result:
    """Check files, and folders with all that lies in them.

    `jobs` is the number of processes; None picks it by the number of processors and the amount of work. With
    `settings`, what is configured for a file decides on its rules, otherwise `rules` do.
    """
    rules_of, checked_of = _choice(rules, settings)
    found = discover(paths, settings, force_exclude=force_exclude)
    outcomes: list[_Outcome] = [([], found.errors)]
    candidates: list[str] = []
    suspects: list[str] = []
    size = 0
    for path in found.files:
        data = read_bytes(path)
        if isinstance(data, CheckError):
            outcomes.append(([], [data]))
            continue
        if judges_suppressions(rules_of(path)) and may_suppress(data):
            suspects.append(path)
        if is_worth_parsing(data) or data.startswith(_UTF_16_OR_32):
            candidates.append(path)
            size += len(data)
        elif path in found.named:
            # A file that is named deserves a word on its syntax even if nothing in it can be a pitfall.
            outcomes.append(([], _syntax_errors(data, path)))
    for checked, group in _groups(candidates, checked_of):
        workers = _workers(jobs, group, size)
        if workers > 1:
            from gradguard.static.parallel import run

            outcomes += run(group, checked, workers, check_file)
        else:
            outcomes += [check_file(path, checked) for path in group]
    return _result(outcomes, found.files, rules_of, _read, suspects)


def _choice(rules: Sequence[Rule] | None, settings: Settings | None) -> tuple[_RulesOf, _RulesOf]:
    """The rules that are on in a file, and those to run on it."""
    if settings is not None:
        return settings.rules, lambda path: engine_rules(settings.checked(path))
    chosen = _default(rules)
    checked = engine_rules(chosen)
    return lambda path: chosen, lambda path: checked


def _groups(paths: Sequence[str], checked_of: _RulesOf) -> Iterable[tuple[tuple[Rule, ...], list[str]]]:
    """The paths by the rules to run on them."""
    groups: dict[tuple[str, ...], tuple[tuple[Rule, ...], list[str]]] = {}
    for path in paths:
        checked = checked_of(path)
        groups.setdefault(tuple(rule.code for rule in checked), (checked, []))[1].append(path)
    return groups.values()


def _check_one(
    source: Source | CheckError, path: str, rules: Sequence[Rule] | None, settings: Settings | None = None
) -> Result:
    if isinstance(source, CheckError):
        return Result(errors=(source,))

    def read(other: str) -> Source | None:
        return source if other == path else _read(other)

    rules_of, checked_of = _choice(rules, settings)
    outcome = _check(source, checked_of(path))
    return _result([outcome], [path], rules_of, read, [] if outcome[1] else [path])


def _read(path: str) -> Source | None:
    source = read(path)
    return None if isinstance(source, CheckError) else source


def check_file(path: str, rules: Sequence[Rule]) -> _Outcome:
    """Check one file, whether or not it passes the trigger test."""
    stamp = stamp_of(path)
    data = read_bytes(path)
    source = data if isinstance(data, CheckError) else decode(data, path)
    return ([], [source]) if isinstance(source, CheckError) else _check(source, rules, stamp)


def _check(source: Source, rules: Sequence[Rule], stamp: Stamp | None = None) -> _Outcome:
    """Check one source. Whatever goes wrong on the way becomes one error."""
    try:
        from gradguard.static.parse import parse, syntax_error

        if not is_worth_parsing(source.text.encode("utf-8", "replace")):
            error = syntax_error(source)
            return [], [error] if error else []
        module = parse(source)
        if isinstance(module, CheckError):
            return [], [module]
        from gradguard.static.engine import check_module

        return check_module(source, module, rules, stamp=stamp)
    except RecursionError:
        _show_traceback()
        return [], [CheckError(source.path, "too deeply nested to be checked")]
    except Exception as error:  # noqa: BLE001 - a fault of one rule must not hide the findings of the others
        shown = _show_traceback()
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
        hint = "" if shown else f" (set {TRACEBACK_VARIABLE}=1 to see the traceback)"
        return [], [CheckError(source.path, f"internal error while checking: {what}{hint}")]


def _show_traceback() -> bool:
    wanted = bool(os.environ.get(TRACEBACK_VARIABLE))
    if wanted:
        import traceback

        traceback.print_exc()
    return wanted


def _syntax_errors(data: bytes, path: str) -> list[CheckError]:
    source = decode(data, path)
    if isinstance(source, CheckError):
        return [source]
    from gradguard.static.parse import syntax_error

    error = syntax_error(source)
    return [error] if error else []


def _default(rules: Sequence[Rule] | None) -> tuple[Rule, ...]:
    if rules is not None:
        return tuple(rules)
    from gradguard import catalogue

    return catalogue.select(())


def _workers(jobs: int | None, candidates: Sequence[str], size: int) -> int:
    if jobs is None:
        jobs = min(_processors(), _MOST_WORKERS, size // _BYTES_PER_WORKER)
    return max(1, min(jobs, len(candidates)))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _result(
    outcomes: Sequence[_Outcome],
    files: Sequence[str],
    rules_of: _RulesOf,
    read: Callable[[str], Source | None],
    suspects: Sequence[str],
) -> Result:
    # A file that imports another one finds the same there, but proposes no repair for it.
    found: dict[Finding, Finding] = {}
    for finding in (finding for findings, _ in outcomes for finding in findings):
        same = replace(finding, fix=None)
        if finding.fix is not None or same not in found:
            found[same] = finding
    findings = silence(found.values(), rules_of, read, suspects) if found or suspects else []
    errors = {error: None for _, failed in outcomes for error in failed}
    return Result(
        tuple(sorted(findings, key=_finding_order)),
        tuple(sorted(errors, key=lambda error: (error.path, error.line, error.message))),
        len(set(files) - {error.path for error in errors}),
    )


def _finding_order(finding: Finding) -> tuple[str, int, int, int, str, str]:
    place = finding.location
    return place.path, place.cell or 0, place.line, place.column, finding.code, finding.message
