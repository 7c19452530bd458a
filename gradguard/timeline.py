"""A run as a picture shows it: what happened to the gradients of each group of parameters, moment after moment.

Pure data of the core: the runtime half records it, a reporter draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gradguard.finding import Location

__all__ = ["KINDS", "Lane", "Moment", "Stretch", "Timeline", "gradient_states", "stretches"]

BACKWARD, STEP, CLEAR, UPDATE, OTHER = KINDS = ("backward", "step", "clear", "update", "other")


@dataclass(frozen=True, slots=True)
class Lane:
    """Parameters that are treated alike: a group of an optimizer, or those of an update by hand."""

    name: str
    tensors: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to the gradients of some lanes. `loss` is the value of a backward's scalar root."""

    kind: str
    lanes: tuple[int, ...]
    location: Location | None = None
    text: str = ""
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to another (not included) the gradients of a lane were in one state.

    `fresh`: added to and not used yet. `used`: used and not cleared yet. `stale`: added to after they had been used.
    `consumed`: stale, and a step or an update used them. An empty gradient has no stretch.
    """

    lane: int
    begin: int
    end: int
    state: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The lanes, the moments in their order, and how many more moments there were."""

    lanes: tuple[Lane, ...]
    moments: tuple[Moment, ...]
    left_out: int = 0

    def stretches(self) -> list[Stretch]:
        return [stretch for lane in range(len(self.lanes)) for stretch in stretches(self.moments, lane)]


def stretches(moments: Sequence[Moment], lane: int) -> Iterator[Stretch]:
    """The states of one lane's gradients, in order, without gaps except where they are empty."""
    state, begin = "", 0
    for index, moment in enumerate(moments):
        if lane not in moment.lanes:
            continue
        after = _after(state, moment.kind)
        if after == "consumed" and state == "stale":
            # The whole stretch led to the use: it is what the picture shows in red.
            state = "consumed"
        if after == state:
            continue
        if state and index > begin:
            yield Stretch(lane, begin, index, state)
        state, begin = after, index
    if state and len(moments) > begin:
        yield Stretch(lane, begin, len(moments), state)


def gradient_states(kinds: Iterable[str]) -> Iterator[str]:
    """The state of one gradient after each event: empty (""), `fresh`, `used` or `stale`.

    >>> list(gradient_states(["backward", "step", "backward", "step", "clear"]))
    ['fresh', 'used', 'stale', 'stale', '']
    """
    state = ""
    for kind in kinds:
        state = _after(state, kind)
        yield "stale" if state == "consumed" else state


def _after(state: str, kind: str) -> str:
    if kind == CLEAR:
        return ""
    if kind == BACKWARD:
        return {"": "fresh", "used": "stale"}.get(state, state)
    if kind in (STEP, UPDATE):
        return {"fresh": "used", "stale": "consumed"}.get(state, state)
    return state
