"""Graphs that pile up: sums and containers that keep one dead graph more with each backward."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from gradguard.events import GraphKept
from gradguard.runtime import text
from gradguard.runtime.dead import is_dead
from gradguard.runtime.holders import Holder, attached, held_by
from gradguard.runtime.sites import Instruction, SourceLine
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_GROWN_TO = 3


class _Keeping(Watcher):
    what = "graphs that are kept"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._visits: dict[Instruction | None, int] = {}
        self._sizes: dict[tuple[Instruction | None, str], deque[tuple[int, int]]] = {}
        self._told: set[str] = set()

    def entering(self, call: BackwardCall) -> None:
        if not call.adds:
            return
        visits = self._visits[call.here] = self._visits.get(call.here, 0) + 1
        if visits > 1 and visits & (visits - 1) == 0:  # each time that their number has doubled
            self._look(call, visits)

    def unsettled(self) -> bool:
        return any(
            len(sizes) > 1 and sizes[-1][1] > sizes[-2][1] and path not in self._told
            for (_, path), sizes in self._sizes.items()
        )

    def _look(self, call: BackwardCall, visits: int) -> None:
        for holder in held_by(call.frames):
            sizes = self._sizes.setdefault((call.here, holder.path), deque(maxlen=3))
            sizes.append((visits, holder.size))
            if holder.path not in self._told and _grows(sizes) and _keeps_dead(holder):
                self._told.add(holder.path)
                self._tell(holder)

    def _tell(self, holder: Holder) -> None:
        from gradguard.runtime.stores import is_trimmed, statement_that_fills

        limit = getattr(holder.value, "maxlen", None)
        if not holder.is_sum and is_trimmed(holder, self.guard.sites):
            limit = 0
        found = statement_that_fills(holder, self.guard.sites)
        if found is None:
            return
        statement, value = found
        kind = "sum" if holder.is_sum else "list"
        site = self._traced(holder, statement)
        self.guard.emit(GraphKept(site=site, holder=holder.path, value=value, kind=kind, bound=limit))

    def _traced(self, holder: Holder, site: SourceLine) -> Instruction | SourceLine:
        """Of several statements that add to a sum, the one that has run."""
        made = self.guard.places.made(holder.value.grad_fn) if holder.is_sum else None
        line = None if made is None else text.instruction_line(self.guard.sites, made)
        if made is None or line is None:
            return site
        same_file = self.guard.sites.codes[made.code].co_filename == site.path
        return site if same_file and site.line <= line <= site.end_line else made


def _grows(sizes: deque[tuple[int, int]]) -> bool:
    """Whether a look shows growth by one in each backward since the last look, or the last two by about one in two."""
    if len(sizes) < 2:
        return False
    (between, middle), (now, most) = list(sizes)[-2:]
    if most < _GROWN_TO:
        return False
    if most - middle >= now - between:
        return True
    before, least = sizes[0]
    return len(sizes) > 2 and 2 * (middle - least) >= between - before and 2 * (most - middle) >= now - between


def _keeps_dead(holder: Holder) -> bool:
    """Whether no backward can run through what is kept; the latest item may be of this very turn."""
    if holder.is_sum:
        return is_dead(holder.value.grad_fn)
    items = list(holder.value.values() if isinstance(holder.value, dict) else holder.value)
    picked = [items[0], items[(len(items) - 1) // 2], items[len(items) - 2]]
    found: list[Any] = [attached(item) for item in picked]
    return all(tensor is not None and is_dead(tensor.grad_fn) for tensor in found)


WATCHER = _Keeping
