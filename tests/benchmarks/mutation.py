"""Plant faults in real training code and count how many `gradguard check` finds.

    python tests/benchmarks/mutation.py FOLDER [-v] [--limit N]

One fault at a time, in each file under FOLDER that contains a backward:

  delete     a statement that clears gradients becomes `pass`                           missing-zero-grad
  hoist      it moves out of the training loop, to just before it                       missing-zero-grad
  between    it moves to just before the step of the same optimizer                     zero-grad-before-step
  duplicate  `loss.backward()` is written twice                                         backward-twice
  unreduce   the last `.mean()` or `.sum()` of a loss is dropped                        non-scalar-backward
  criterion  the criterion of a loss gets `reduction='none'`                            non-scalar-backward

A fault is found if the changed file has a finding of the right rule that the unchanged file does not have, in the
functions that take part. What the rule says of the unchanged file is compared by rule and text of the line.

Not every such change is a fault. Whatever may be none is excluded and only counted. For a deleted or hoisted clearing:
  - another clearing in the same loop may clear the same gradients (same receiver; another kind of receiver; a receiver
    in another function that may be the same object; a helper whose name speaks of clearing gradients);
  - its optimizer's step is not in the file, or it clears a module and several optimizers step;
  - there is no backward and step around it in the file; an engine clears by itself; the update cannot be seen;
  - what it clears is made anew in each turn, or there is a single step; it stands outside the training loop;
  - what it clears is handed in by a caller that is not in the file, and that may clear it.
For a duplicated backward: arguments (a kept graph, a given gradient), a loss that is computed in the call itself. For a
dropped reduction: what was reduced may be a scalar already.

The situations of a clearing are counted apart, since a file with a training step and no loop that calls it shows less:
`in a loop`, `called in a loop`, `one step`.
"""

from __future__ import annotations

import argparse
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mutants import Mutant, apply, mutants, spans


class LocationLike(Protocol):
    @property
    def line(self) -> int: ...


class FindingLike(Protocol):
    @property
    def rule(self) -> str: ...
    @property
    def location(self) -> LocationLike: ...


Check = Callable[[str, str], Iterable[FindingLike]]
Found = Counter[tuple[str, str]]


class NotCheckedError(Exception):
    """The checker says that it could not check a file."""


def load_check() -> Check:
    from gradguard.static.check import check_source

    def check(source: str, path: str) -> Iterable[FindingLike]:
        result = check_source(source, path)
        if result.errors:
            raise NotCheckedError(f"{path}: {result.errors[0].message}")
        return result.findings

    return check


class Judge:
    """Tells whether a mutant is found. The findings of the last unchanged file are kept."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.path = ""
        self.unchanged: list[FindingLike] = []

    def is_found(self, source: str, path: str, mutant: Mutant) -> bool:
        changed = apply(source, mutant.edits)
        after = within(self.check(changed, path), changed, mutant)
        if not after:
            return False
        if self.path != path:
            self.path, self.unchanged = path, list(self.check(source, path))
        return bool(after - within(self.unchanged, source, mutant))


def within(findings: Iterable[FindingLike], source: str, mutant: Mutant) -> Found:
    """How often the mutant's rule names each line's text in the functions that take part."""
    lines = source.split("\n")
    numbers = [finding.location.line for finding in findings if finding.rule == mutant.rule]
    inside = spans(source, mutant.functions) if numbers else []
    return Counter(
        (mutant.rule, lines[number - 1].strip()) for number in numbers if any(number in span for span in inside)
    )


def sources(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.py")):
        if b"backward(" not in path.read_bytes():
            continue
        try:
            with tokenize.open(path) as stream:
                text = stream.read()
            compile(text, path, "exec", dont_inherit=True)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        yield path, text


def print_table(rows: Iterable[tuple[str, ...]]) -> None:
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@dataclass
class Tally:
    """Counts by mutation and situation; the excluded changes by mutation and reason."""

    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    planted: Counter[tuple[str, str]] = field(default_factory=Counter)
    excluded: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def row(self, mutation: str, keys: Iterable[tuple[str, str]], situation: str = "") -> tuple[str, ...]:
        keys = list(keys)
        hits, faults = sum(self.found[key] for key in keys), sum(self.planted[key] for key in keys)
        share = f"{100 * hits / faults:.0f} %" if faults else "-"
        left_out = sum(count for (name, _), count in self.excluded.items() if mutation in {name, "all"})
        return mutation, situation, str(hits), str(faults - hits), share, "" if situation else str(left_out)

    def print(self) -> None:
        rows: list[tuple[str, ...]] = [("mutation", "situation", "found", "missed", "share", "excluded")]
        for mutation in sorted({name for name, _ in (*self.planted, *self.excluded)}):
            keys = sorted(key for key in self.planted if key[0] == mutation)
            rows.append(self.row(mutation, keys))
            rows += [self.row(mutation, [key], key[1]) for key in keys if key[1]]
        print_table([*rows, self.row("all", self.planted)])
        if self.errors:
            print(f"\n{len(self.errors)} faults count as missed because their file could not be checked, at first:")
            print("\n".join(self.errors[:5]))
        print()
        reasons = [(mutation, reason, str(count)) for (mutation, reason), count in sorted(self.excluded.items())]
        print_table([("excluded", "because", "changes"), *reasons])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-v", "--verbose", action="store_true", help="list the faults that were missed")
    parser.add_argument("--excluded", action="store_true", help="list the changes that are not counted as faults")
    parser.add_argument("--only", nargs="+", metavar="MUTATION", help="delete, hoist, between, duplicate, …")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N faults of each mutation, spread evenly")
    parser.add_argument("--dry", action="store_true", help="list the faults without checking anything")
    args = parser.parse_args()
    if not args.folder.is_dir():
        parser.error(f"{args.folder} is no folder")

    tally = Tally()
    faults: dict[str, list[tuple[Path, str, Mutant]]] = {}
    for path, source in sources(args.folder):
        for mutant in mutants(source):
            if args.only and mutant.mutation not in args.only:
                continue
            if not mutant.excluded:
                faults.setdefault(mutant.mutation, []).append((path, source, mutant))
                continue
            tally.excluded[mutant.mutation, mutant.excluded] += 1
            if args.excluded:
                print(f"excluded: {mutant.title(path.relative_to(args.folder))}  ({mutant.excluded})")

    judge = None if args.dry else Judge(load_check())
    for planted in faults.values():
        stride = max(1, -(-len(planted) // args.limit)) if args.limit else 1
        for path, source, mutant in planted[::stride]:
            title = mutant.title(path.relative_to(args.folder))
            key = (mutant.mutation, mutant.situation)
            tally.planted[key] += 1
            if judge is None:
                print(title)
                continue
            try:
                found = judge.is_found(source, str(path), mutant)
            except NotCheckedError as error:
                tally.errors.append(str(error))
                found = False
            tally.found[key] += found
            if not found and args.verbose:
                print(f"missed: {title}", flush=True)
    tally.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
