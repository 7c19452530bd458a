"""Checking many files in several processes."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import TypeAlias

from gradguard.finding import CheckError
from gradguard.rule import Rule
from gradguard.static.outcome import Outcome

__all__ = ["run"]

_Check: TypeAlias = Callable[[str, Sequence[Rule]], Outcome]

_rules: list[Rule] = []  # of a worker process


def run(paths: Sequence[str], rules: tuple[Rule, ...], workers: int, check: _Check) -> list[Outcome]:
    """What `check` says of each path, in the order of the paths.

    `check` must be a function of a module. A process that dies takes no other file's findings with it.
    """
    outcomes = _run_together(paths, rules, workers, check)
    return [
        outcome if outcome is not None else _run_alone(path, rules, check)
        for path, outcome in zip(paths, outcomes, strict=True)
    ]


def _run_together(paths: Sequence[str], rules: tuple[Rule, ...], workers: int, check: _Check) -> list[Outcome | None]:
    with _pool(workers, rules) as pool:
        futures: list[Future[Outcome]] = []
        try:
            futures += [pool.submit(_work, check, path) for path in paths]
            return [_outcome(future) for future in futures]
        except BrokenProcessPool:
            return [_outcome(future) for future in futures] + [None] * (len(paths) - len(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run_alone(path: str, rules: tuple[Rule, ...], check: _Check) -> Outcome:
    with _pool(1, rules) as pool:
        outcome = _outcome(pool.submit(_work, check, path))
    return outcome if outcome is not None else Outcome([], [CheckError(path, "the process that checked it died")])


def _outcome(future: Future[Outcome]) -> Outcome | None:
    try:
        return future.result()
    except BrokenProcessPool:
        return None


def _pool(workers: int, rules: tuple[Rule, ...]) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, _context(), _start, (rules,))


def _context() -> BaseContext:
    # A fork inherits the modules that are imported, but it is not safe beside other threads.
    if sys.platform == "linux" and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


def _start(rules: tuple[Rule, ...]) -> None:
    _rules.extend(rules)
    gc.disable()  # see gradguard.static.garbage
    # An interrupt from the keyboard reaches all processes; only the first one has something to say about it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _work(check: _Check, path: str) -> Outcome:
    return check(path, tuple(_rules))
