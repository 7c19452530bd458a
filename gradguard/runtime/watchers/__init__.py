"""All watchers: each module in this folder that names a class `WATCHER`."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from gradguard.runtime.watcher import Watcher

__all__ = ["all_watchers"]


@functools.cache
def all_watchers() -> tuple[type[Watcher], ...]:
    """Sorted by the names of their modules; `gradients` comes first, since others build on what it has seen."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in sorted(pkgutil.iter_modules(__path__), key=_order)
    ]
    return tuple(module.WATCHER for module in modules if hasattr(module, "WATCHER"))


def _order(found: pkgutil.ModuleInfo) -> tuple[bool, str]:
    return found.name != "updates", found.name
