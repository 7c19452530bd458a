"""`gradguard check --watch`: check again whenever a file changes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import TypeAlias

from gradguard.commands.checking import Checking
from gradguard.config import ConfigError, Settings
from gradguard.static.files import discover

__all__ = ["watch"]

_PAUSE = 0.4
_CONFIGURATIONS = ("pyproject.toml", "gradguard.toml")
_State: TypeAlias = "dict[str, tuple[int, int]]"


def watch(options: argparse.Namespace, settings_of: Callable[[argparse.Namespace], Settings]) -> int:
    """Never returns by itself. An interrupt from the keyboard ends it."""
    state: _State | None = None
    settings = settings_of(options)
    while True:
        current = _state(options, settings)
        if current != state:
            state = current
            if sys.stdout.isatty():
                sys.stdout.write("\x1b[2J\x1b[H")
            try:
                settings = settings_of(options)
                Checking(options, settings).run()
            except ConfigError as error:  # it may be half-written
                sys.stderr.write(f"gradguard: error: {error}\n")
            sys.stdout.write(f"[{time.strftime('%H:%M:%S')}] watching for changes; Ctrl-C ends it\n")
            sys.stdout.flush()
        time.sleep(_PAUSE)


def _state(options: argparse.Namespace, settings: Settings) -> _State:
    try:
        files = discover(options.paths, settings, force_exclude=options.force_exclude).files
    except ConfigError:
        files = list(options.paths)
    state: _State = {}
    for path in [*files, *_CONFIGURATIONS, *filter(None, (options.config, options.baseline))]:
        try:
            info = os.stat(path)
        except OSError:
            continue
        state[path] = info.st_mtime_ns, info.st_size
    return state
