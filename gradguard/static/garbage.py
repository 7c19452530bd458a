"""The garbage collector, kept from looking through syntax trees again and again: a third of the time would go there."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["collect_if_much", "rare_collection"]

_MANY = 3_000_000  # objects since the last collection; a few hundred megabytes


@contextlib.contextmanager
def rare_collection() -> Iterator[None]:
    """Collect only where `collect_if_much` is called."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect_if_much() -> None:
    """Collect if nobody else does, and there may be much to collect."""
    if not gc.isenabled() and gc.get_count()[0] > _MANY:
        gc.collect()
