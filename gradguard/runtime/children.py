"""Child processes that a watched script starts with `multiprocessing`: each is watched, and its findings come back.

A target of the user is wrapped when its process starts, and leaves what was found as a file in a folder of the run.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing.process
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Iterator
from types import CodeType
from typing import Any

from gradguard.finding import CheckError
from gradguard.runtime.report import RunReport
from gradguard.runtime.sites import is_users

__all__ = ["watch_children"]

_SPAWNS = "torch.multiprocessing.spawn"
_ENDING = ".found"


class _Target:
    """Takes the place of a target. In the child it opens a watch, and calls the target."""

    def __init__(self, target: Any, path: str, codes: frozenset[str]) -> None:
        self.target = target
        self.path = path
        self.codes = codes

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "torch" not in sys.modules:
            return self.target(*args, **kwargs)
        from gradguard.runtime.watch import Watch

        watch = Watch(tuple(self.codes), () if self.codes else ("ALL",), alone=True)
        try:
            with watch:
                return self.target(*args, **kwargs)
        finally:
            self._leave(watch.report)

    def _leave(self, report: RunReport) -> None:
        found = report.findings, tuple(report.errors), report.passes, report.steps
        with contextlib.suppress(OSError):
            with open(f"{self.path}.part", "wb") as file:
                pickle.dump(found, file)
            os.replace(f"{self.path}.part", self.path)  # whole or not at all


class _Children:
    def __init__(self, report: RunReport) -> None:
        self.report = report
        self.folder = ""
        self.process = os.getpid()
        self.started = 0
        self.unseen = 0

    def begin(self, process: Any) -> None:
        target = getattr(process, "_target", None)
        if os.getpid() != self.process:
            return
        if target is None:
            self.unseen += _is_users(type(process).run)
        elif _is_users(target) or getattr(target, "__module__", "") == _SPAWNS:
            self.folder = self.folder or tempfile.mkdtemp(prefix="gradguard-")
            self.started += 1
            path = os.path.join(self.folder, f"{self.started}{_ENDING}")
            process._target = _Target(target, path, self.report.codes)

    def gather(self) -> None:
        for number in range(1, self.started + 1):
            try:
                with open(os.path.join(self.folder, f"{number}{_ENDING}"), "rb") as file:
                    findings, errors, passes, steps = pickle.load(file)  # noqa: S301 - written by the run itself
            except (OSError, EOFError, pickle.UnpicklingError):
                self.unseen += 1
                continue
            self.report.add_child(number, findings)
            self.report.errors.extend(error for error in errors if error not in self.report.errors)
            self.report.passes += passes
            self.report.steps += steps
        if self.unseen:
            what = "1 child process was" if self.unseen == 1 else f"{self.unseen} child processes were"
            self.report.errors.append(CheckError("gradguard", f"{what} not watched, or ended without a report"))
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def _is_users(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return isinstance(code, CodeType) and is_users(code)


@contextlib.contextmanager
def watch_children(report: RunReport) -> Iterator[None]:
    """Processes that begin inside of the block are watched; at its end the report has what they have left."""
    kind = multiprocessing.process.BaseProcess
    original = kind.start
    children = _Children(report)

    @functools.wraps(original)
    def start(process: Any) -> None:
        target = getattr(process, "_target", None)
        children.begin(process)
        try:
            original(process)
        except BaseException:
            if target is not None:
                process._target = target
            raise

    kind.start = start  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        if kind.start is start:
            kind.start = original  # type: ignore[method-assign]
        if os.getpid() == children.process:
            children.gather()
