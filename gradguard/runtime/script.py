"""Runs a script or a module as Python would, under watch."""

from __future__ import annotations

import importlib.machinery
import io
import os
import runpy
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from gradguard.finding import Finding
from gradguard.runtime.children import watch_children
from gradguard.runtime.report import RunReport
from gradguard.runtime.watch import Watch

__all__ = ["ScriptError", "run"]


class ScriptError(Exception):
    """There is no such script or module."""


def run(
    target: str,
    arguments: Sequence[str],
    *,
    module: bool,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    record: bool = False,
    trace: bool = False,
    at_once: Callable[[Finding], object] | None = None,
    on: Callable[[str, str], bool] | None = None,
) -> tuple[int, RunReport]:
    """Run the script (or the module) as `__main__`. Returns its exit status, and what was found."""
    watch = Watch(select, ignore, record=record, trace=trace, script="" if module else target)
    watch.report.at_once = at_once
    watch.report.on = on
    status = 0
    main = None if module else _load(target)
    try:
        with watch_children(watch.report), watch:
            if main is None:
                _run_module(target, arguments)
            else:
                _run_script(target, arguments, *main)
    except SystemExit as stop:
        status = _status(stop)
    except KeyboardInterrupt as error:
        status = 130
        _show(error)
    except BaseException as error:
        if isinstance(error, ScriptError):
            raise
        status = 1
        _show(error)
    return status, watch.report


def _load(path: str) -> tuple[bytes, types.ModuleType]:
    try:
        full = str(Path(path).absolute())
        with io.open_code(full) as file:
            source = file.read()
    except OSError as error:
        raise ScriptError(f"cannot open {path}: {(error.strerror or str(error)).lower()}") from error
    module = types.ModuleType("__main__")
    module.__file__ = full
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", full)
    return source, module


def _run_script(path: str, arguments: Sequence[str], source: bytes, module: types.ModuleType) -> None:
    sys.argv = [path, *arguments]
    sys.path[0:1] = [str(Path(path).resolve().parent)]
    sys.modules["__main__"] = module
    code = compile(source, str(module.__file__), "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - running the script is the point


def _run_module(name: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]
    sys.path[0:1] = [str(Path.cwd())]
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except ImportError as error:
        if error.name is None and "No module named" in str(error):
            raise ScriptError(str(error)) from error
        raise


def _status(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code
    sys.stdout.flush()
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _show(error: BaseException) -> None:
    """The traceback as Python would print it, from the script's own first frame on."""
    entry = error.__traceback__
    here = str(Path(__file__).resolve().parent)
    while entry is not None:
        name = entry.tb_frame.f_code.co_filename
        if not (name.startswith((here, "<frozen")) or os.path.basename(name) == "runpy.py"):
            break
        entry = entry.tb_next
    sys.stdout.flush()
    sys.excepthook(type(error), error.with_traceback(entry), entry)  # none where the script itself cannot be read
