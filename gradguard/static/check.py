"""The pipeline from paths to findings: read, test for triggers, decode, parse, execute abstractly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from gradguard.finding import CheckError, Finding
from gradguard.static.files import discover
from gradguard.static.garbage import collect_if_much, rare_collection
from gradguard.static.outcome import Dependencies, Outcome
from gradguard.static.silence import engine_rules, judges_suppressions, silence
from gradguard.static.source import Source, Stamp, decode, from_text, read, read_bytes, stamp_of
from gradguard.static.triggers import is_worth_parsing
from gradguard.suppress import may_suppress

if TYPE_CHECKING:
    from gradguard.config import Settings
    from gradguard.rule import Rule
    from gradguard.static.cache import Cache

__all__ = ["Result", "check_bytes", "check_paths", "check_source"]

TRACEBACK_VARIABLE = "GRADGUARD_TRACEBACK"

# Starting worker processes pays off from here on.
_BYTES_PER_WORKER = 150_000
_MOST_WORKERS = 16
_UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

_RulesOf: TypeAlias = "Callable[[str], tuple[Rule, ...]]"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found, what it could not check, and how many files it could."""

    findings: tuple[Finding, ...] = ()
    errors: tuple[CheckError, ...] = ()
    files: int = 0


def check_source(
    text: str, path: str = "<string>", rules: Sequence[Rule] | None = None, *, settings: Settings | None = None
) -> Result:
    """Check source text. If `path` ends with `.ipynb`, the text is a notebook's JSON."""
    return _check_one(from_text(text, path), path, rules, settings)


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
    cache: str | None = None,
) -> Result:
    """Check files, and folders with all that lies in them.

    `jobs` is the number of processes; None picks it by the number of processors and the amount of work. With
    `settings`, what is configured for a file decides on its rules, otherwise `rules` do. `cache` is a folder that
    remembers outcomes.
    """
    rules_of, checked_of = _choice(rules, settings)
    found = discover(paths, settings, force_exclude=force_exclude)
    outcomes = [Outcome([], found.errors)]
    candidates: dict[str, bytes] = {}
    suspects: list[str] = []
    for path in found.files:
        data = read_bytes(path)
        if isinstance(data, CheckError):
            outcomes.append(Outcome([], [data]))
            continue
        if judges_suppressions(rules_of(path)) and may_suppress(data):
            suspects.append(path)
        if is_worth_parsing(data) or data.startswith(_UTF_16_OR_32):
            candidates[path] = data
        elif path in found.named:
            # A file that is named deserves a word on its syntax even if nothing in it can be a pitfall.
            outcomes.append(Outcome([], _syntax_errors(data, path)))
    for checked, group in _groups(candidates, checked_of):
        outcomes += _check_group({path: candidates[path] for path in group}, checked, jobs, cache)
    return _result(outcomes, found.files, rules_of, _read, suspects)


def _check_group(
    candidates: dict[str, bytes], rules: tuple[Rule, ...], jobs: int | None, folder: str | None
) -> list[Outcome]:
    """Check files under the same rules, those that the cache does not know."""
    outcomes: dict[str, Outcome] = {}
    cache: Cache | None = None
    if folder is not None:
        from gradguard.static.cache import Cache

        cache = Cache(folder, [rule.code for rule in rules])
        known = {path: cache.get(path, data) for path, data in candidates.items()}
        outcomes = {path: outcome for path, outcome in known.items() if outcome is not None}
    left = [path for path in candidates if path not in outcomes]
    check = check_file if cache is not None else partial(check_file, remember=False)
    workers = _workers(jobs, left, sum(len(candidates[path]) for path in left))
    if workers > 1:
        from gradguard.static.parallel import run

        fresh = run(left, rules, workers, check)
    else:
        with rare_collection():
            fresh = [check(path, rules) for path in left]
    outcomes.update(zip(left, fresh, strict=True))
    if cache is not None:
        for path, outcome in zip(left, fresh, strict=True):
            cache.put(path, candidates[path], outcome)
        cache.save()
    return list(outcomes.values())


def _choice(rules: Sequence[Rule] | None, settings: Settings | None) -> tuple[_RulesOf, _RulesOf]:
    """The rules that are on in a file, and those to run on it."""
    if settings is not None:
        return settings.rules, lambda path: engine_rules(settings.checked(path))
    chosen = _default(rules)
    checked = engine_rules(chosen)
    return lambda path: chosen, lambda path: checked


def _groups(paths: Iterable[str], checked_of: _RulesOf) -> Iterable[tuple[tuple[Rule, ...], list[str]]]:
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
    return _result([outcome], [path], rules_of, read, [] if outcome.errors else [path])


def _read(path: str) -> Source | None:
    source = read(path)
    return None if isinstance(source, CheckError) else source


def check_file(path: str, rules: Sequence[Rule], *, remember: bool = True) -> Outcome:
    """Check one file, whether or not it passes the trigger test. To `remember` asks what the outcome depends on."""
    stamp = stamp_of(path)
    data = read_bytes(path)
    source = data if isinstance(data, CheckError) else decode(data, path)
    if isinstance(data, CheckError) or isinstance(source, CheckError):
        return Outcome([], [error for error in (data, source) if isinstance(error, CheckError)][:1])
    outcome = _check(source, rules, stamp, data if remember else None)
    collect_if_much()
    return outcome


def _check(source: Source, rules: Sequence[Rule], stamp: Stamp | None = None, data: bytes | None = None) -> Outcome:
    """Check one source. Whatever goes wrong on the way becomes one error.

    With a `stamp`, the source is what lies on disk; with its `data`, the outcome may be remembered.
    """
    try:
        from gradguard.static.parse import parse, syntax_error

        dependencies = None
        if data is not None:
            from gradguard.static.cache import digest

            dependencies = Dependencies(digest(data))
        if not is_worth_parsing(source.text.encode("utf-8", "replace")):
            error = syntax_error(source)
            return Outcome([], [error] if error else [], dependencies)
        module = parse(source)
        if isinstance(module, CheckError):
            return Outcome([], [module], dependencies)
        from gradguard.static.engine import check_module

        found, failed = check_module(source, module, rules, dependencies=dependencies, stamp=stamp)
        if found and not source.path.endswith(".ipynb"):
            from gradguard.static.expected import without_expected

            found = without_expected(source.text, found, {rule.code for rule in rules if rule.raises})
        return Outcome(found, failed, dependencies)
    except RecursionError:
        _show_traceback()
        return Outcome([], [CheckError(source.path, "too deeply nested to be checked")])
    except Exception as error:  # noqa: BLE001 - a fault of one rule must not hide the findings of the others
        shown = _show_traceback()
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
        hint = "" if shown else f" (set {TRACEBACK_VARIABLE}=1 to see the traceback)"
        return Outcome([], [CheckError(source.path, f"internal error while checking: {what}{hint}")])


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
    outcomes: Sequence[Outcome],
    files: Sequence[str],
    rules_of: _RulesOf,
    read: Callable[[str], Source | None],
    suspects: Sequence[str],
) -> Result:
    # A file that imports another one finds the same there, but proposes no repair for it.
    found: dict[Finding, Finding] = {}
    for finding in (finding for outcome in outcomes for finding in outcome.findings):
        same = replace(finding, fix=None)
        if finding.fix is not None or same not in found:
            found[same] = finding
    findings = silence(found.values(), rules_of, read, suspects) if found or suspects else []
    errors = {error: None for outcome in outcomes for error in outcome.errors}
    return Result(
        tuple(sorted(findings, key=_finding_order)),
        tuple(sorted(errors, key=lambda error: (error.path, error.line, error.message))),
        len(set(files) - {error.path for error in errors}),
    )


def _finding_order(finding: Finding) -> tuple[str, int, int, int, str, str]:
    place = finding.location
    return place.path, place.cell or 0, place.line, place.column, finding.code, finding.message
