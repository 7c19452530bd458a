"""Measure how fast `gradguard check` is, always beside something else in the same run.

    python tests/benchmarks/speed.py FOLDER [--rounds N] [--starts N] [--peer-lines N]

Four measurements:
  1. throughput: one process of `gradguard check --jobs 1` over all of FOLDER, most of whose files it need not parse;
  2. the files that it does parse: CPU time of reading, parsing and checking, against `libcst.parse_module` alone, file
     by file in turn, the best of N rounds for each;
  3. start: `gradguard check` of one small file, with no cache and with its cache warm, against `python -c 'import
     libcst'`, in turn, medians, all from bytecode;
  4. peers: gradguard, ruff and torch-preflight (where they are installed), one process each, on some of these files.
Times are CPU times (user and system) unless they say otherwise; ratios travel between machines better than times do.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst

from gradguard.static.check import check_source
from gradguard.static.source import Source, read
from gradguard.static.triggers import is_worth_parsing

GRADGUARD = [sys.executable, "-c", "import sys; from gradguard.cli import main; sys.exit(main(sys.argv[1:]))"]
CHECK = [*GRADGUARD, "check", "--format", "json", "--jobs", "1", "--no-config", "--no-cache"]
LIMIT = 600
SMALL = Path(__file__).resolve().parents[2] / "examples" / "quadratic.py"


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float


def run(command: Sequence[str], expected: tuple[int, ...] = (0, 1), environment: dict[str, str] | None = None) -> Cost:
    """What one process costs, its own children included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT, env=environment)
    except subprocess.TimeoutExpired:
        sys.exit(f"{' '.join(command[:6])} … did not end within {LIMIT} s")
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in expected:
        sys.exit(f"{' '.join(command[:6])} … ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def count_lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def seconds_of(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def measure_throughput(folder: Path, lines: int, files: int) -> None:
    cost = run([*CHECK, str(folder)], expected=(0, 1, 2))
    print(f"1. throughput: {files} files, {lines} lines in {cost.wall:.1f} s ({cost.cpu:.1f} s of CPU time)")
    print(f"   {lines / cost.wall:,.0f} lines per second, {lines / cost.cpu:,.0f} per CPU second")


def parses(path: Path) -> bool:
    try:
        libcst.parse_module(path.read_bytes())
    except (libcst.ParserSyntaxError, UnicodeDecodeError):
        return False
    return True


def check_file(path: Path) -> None:
    source = read(str(path))
    assert isinstance(source, Source)
    check_source(source.text, source.path)


def measure_parsed(paths: Sequence[Path], lines: int, rounds: int) -> None:
    parse = dict.fromkeys(paths, float("inf"))
    check = dict.fromkeys(paths, float("inf"))
    for turn in range(rounds):
        for path in paths:
            data = path.read_bytes()
            pair = [
                (parse, lambda data=data: libcst.parse_module(data)),
                (check, lambda path=path: check_file(path)),
            ]
            for best, action in pair if turn % 2 == 0 else reversed(pair):
                best[path] = min(best[path], seconds_of(action))
    parsing, checking = sum(parse.values()), sum(check.values())
    print(f"2. the {len(paths)} files that are parsed, {lines} lines, best of {rounds} rounds")
    print(f"   libcst.parse_module alone: {parsing:.2f} s, {lines / parsing:,.0f} lines per second")
    print(f"   read, parse and check:     {checking:.2f} s, {lines / checking:,.0f} lines per second")
    print(f"   ratio {checking / parsing:.2f}; the slowest files, by time and by ratio:")
    by_ratio = [path for path in paths if parse[path] > 0.01]
    slow = sorted(paths, key=lambda path: -check[path])[:3]
    slow += sorted(by_ratio, key=lambda path: -check[path] / parse[path])[:3]
    for path in slow:
        print(f"     {check[path]:.2f} s, ratio {check[path] / parse[path]:.1f}: {path}")


def measure_start(starts: int) -> None:
    alone = "python -c 'import libcst'"
    commands = {
        f"gradguard check --no-cache {SMALL.name}": [*GRADGUARD, "check", "--no-cache", str(SMALL)],
        f"gradguard check {SMALL.name}": [*GRADGUARD, "check", str(SMALL)],
        alone: [sys.executable, "-c", "import libcst"],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for command in commands.values():
            run(command, environment=environment)
        for _ in range(starts):
            for name, command in commands.items():
                costs[name].append(run(command, environment=environment))
    print(f"3. start: medians of {starts}, in turn")
    cpu = {name: statistics.median(cost.cpu for cost in costs[name]) for name in commands}
    wall = {name: statistics.median(cost.wall for cost in costs[name]) for name in commands}
    for name in commands:
        print(f"   {name}: {cpu[name]:.3f} s of CPU time, {wall[name]:.3f} s elapsed", end="")
        print(f", ratio {cpu[name] / cpu[alone]:.2f} (CPU time), {wall[name] / wall[alone]:.2f} (elapsed)")


def find_program(name: str) -> str | None:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def measure_peers(paths: Sequence[Path], limit: int) -> None:
    sizes = {path: count_lines(path.read_bytes()) for path in paths}
    stride = max(1, -(-sum(sizes.values()) // limit))
    chosen = list(paths)[::stride]
    lines = sum(sizes[path] for path in chosen)
    names = [str(path) for path in chosen]
    print(f"4. peers: one process each on {len(chosen)} of these files, {lines} lines")
    ours = run([*CHECK, *names], expected=(0, 1, 2))
    print(f"   gradguard: {ours.cpu:.2f} s, {lines / ours.cpu:,.0f} lines per CPU second")
    options = {
        "ruff": ["check", "--isolated", "--no-cache", "--quiet"],
        "torch-preflight": ["check", "--format", "json", "--jobs", "1"],
    }
    for name, arguments in options.items():
        program = find_program(name)
        if program is None:
            print(f"   {name}: not installed")
            continue
        cost = run([program, *arguments, *names], expected=(0, 1, 2))
        print(f"   {name}: {cost.cpu:.2f} s, {lines / cost.cpu:,.0f} lines per CPU second", end="")
        print(f", {cost.cpu / ours.cpu:.2f} times gradguard's time")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="of measurement 2 (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=15, help="of measurement 3 (default: %(default)s)")
    parser.add_argument("--peer-lines", type=int, default=20_000, help="of measurement 4 (default: %(default)s)")
    parser.add_argument("--only", type=int, nargs="+", choices=(1, 2, 3, 4), default=(1, 2, 3, 4), metavar="NUMBER")
    args = parser.parse_args()
    if not args.folder.is_dir():
        parser.error(f"{args.folder} is no folder")

    contents = {path: path.read_bytes() for path in sorted(args.folder.rglob("*.py")) if path.is_file()}
    parsed = [path for path, data in contents.items() if is_worth_parsing(data)]
    print(f"{len(contents)} files, of which {len(parsed)} ({100 * len(parsed) / len(contents):.1f} %) are parsed")
    parsed = [path for path in parsed if parses(path)]
    if 1 in args.only:
        measure_throughput(args.folder, sum(map(count_lines, contents.values())), len(contents))
    if 2 in args.only:
        measure_parsed(parsed, sum(count_lines(contents[path]) for path in parsed), args.rounds)
    if 3 in args.only:
        measure_start(args.starts)
    if 4 in args.only:
        measure_peers(parsed, args.peer_lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
