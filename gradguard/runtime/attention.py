"""When the guard looks at everything, and when it rests.

It looks at the first passes of whatever is new: a place that calls backward, an optimizer. Once each of them has gone
through a few turns, no rule has spoken and no watcher wants to see more, the guard rests, and looks again in short
windows from time to time. Where there is no such calm it looks longer, but not forever.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["Attention"]

# So many passes at most, at the beginning, and after something new.
_WARM_UP = 16
_NEW = 12
# So often each new place and each new optimizer is to be seen in any case.
_VISITS = 4
_STEPS = 3
_MOST_PLACES = 256
# A window of so many passes out of each period. Primes, so that no accumulation period hides in the gaps.
_WINDOW = 4
_PERIODS = (17, 43, 89, *(127,) * 2, *(251,) * 6, 509)
_MOST_EXTENSIONS = 16


class Attention:
    """Is told of each backward pass, step and new optimizer, and tells the guard when attention begins and ends."""

    def __init__(self, guard: Guard) -> None:
        self.on = True
        self._guard = guard
        self.left = _WARM_UP  # passes until it may turn; also counted down by the guard, while it rests
        self._warm = True  # something is new
        self._alarmed = False  # since attention began, a rule has spoken
        self.places: set[Hashable] = set()  # that call backward
        self._optimizers: set[int] = set()
        self._open: dict[Hashable, int] = {}  # what is new, and how often it is to be seen yet
        self._windows = self._extended = 0

    def backward(self, here: Hashable) -> bool:
        """A backward begins. Whether there is attention."""
        self.left -= 1
        if here not in self.places and len(self.places) < _MOST_PLACES:
            self.places.add(here)
            self._look_out(here, _VISITS)
        if self.left < 0:
            self._turn()
        elif self._warm and self._is_calm():
            self._rest()
        if self._open:
            self._seen(here)
        return self.on

    def optimizer_created(self, key: int) -> None:
        self._optimizers.add(key)
        self._look_out(key, _STEPS)

    def stepped(self, key: int) -> None:
        if self._warm:
            if key not in self._optimizers:
                self._optimizers.add(key)
                self._open[key] = _STEPS
            self._seen(key)

    def alarm(self) -> None:
        """A rule has spoken."""
        self._alarmed = True

    def refresh(self) -> None:
        """As at the beginning."""
        self._windows = 0
        self.places.clear()
        self._optimizers.clear()
        self._look_for(_WARM_UP)

    def _look_out(self, key: Hashable, times: int) -> None:
        """Something new: the next passes have attention."""
        self._look_for(_NEW)
        self._open[key] = times

    def _look_for(self, passes: int) -> None:
        if not self.on:
            self._attend()
        self._warm = True
        self.left = max(self.left, passes - 1)

    def _seen(self, key: Hashable) -> None:
        left = self._open.get(key)
        if left == 1:
            del self._open[key]
        elif left is not None:
            self._open[key] = left - 1

    def _is_calm(self) -> bool:
        return not (self._open or self._alarmed or self._is_tireless() or any(self._guard.tell("unsettled")))

    def _is_tireless(self) -> bool:
        return any(watcher.tireless for watcher in self._guard.watchers)

    def _turn(self) -> None:
        """Attention ends or begins."""
        if self._is_tireless():
            self.left = _WARM_UP
        elif not self.on:
            self._attend()
        elif self._extended < _MOST_EXTENSIONS and any(self._guard.tell("busy")):
            self._extended += 1
            self.left = _WINDOW
        else:
            self._rest()

    def _rest(self) -> None:
        self.on = self._warm = False
        self._open.clear()
        self._guard.rest()
        self.left = _PERIODS[min(self._windows, len(_PERIODS) - 1)] - _WINDOW
        self._windows += 1

    def _attend(self) -> None:
        self.on = True
        self._alarmed = False
        self._extended = 0
        self.left = _WINDOW - 1
        self._guard.attend()
