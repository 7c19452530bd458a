"""The history of gradients and graphs: what was added, used and cleared, and whose buffers are gone.

One gradient goes EMPTY -> backward -> FRESH -> step -> USED, and back to EMPTY by clearing. A backward on a USED
gradient makes it STALE. The fault is not to become stale; it is the step of the *same* updater that consumes the stale
sum. That is why a history by updater is kept: an adversarial perturbation that reads a gradient, or a GAN generator's
backward that leaks into the discriminator, is no fault as long as the optimizer itself starts from a cleared gradient.

The ledger is the only mutable part of the core. It holds no tensor, or it would keep alive the graph that it accuses.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gradguard.events import (
    Backward,
    ClipGrad,
    Escape,
    Event,
    GradientId,
    GradRead,
    GraphNode,
    Joined,
    ManualUpdate,
    OptimizerStep,
    SavedTensor,
    SchedulerStep,
    Site,
    TensorWrite,
    Unscale,
    UpdaterId,
    ZeroGrad,
)

__all__ = ["Addition", "Clearing", "Clip", "FirstSum", "Freed", "Gradient", "Ledger", "Overwritten", "Use", "Written"]


@dataclass(frozen=True, slots=True)
class Addition:
    """A backward pass that added to a gradient, and the way in which its call was reached."""

    site: Site
    calls: Hashable = None


@dataclass(frozen=True, slots=True)
class Use:
    """An updater consumed the gradient when `upto` additions had been made since the last clearing."""

    site: Site
    upto: int


@dataclass(frozen=True, slots=True)
class Clearing:
    """The gradient was cleared. `lost` are the additions that nobody had used or looked at.

    If it was `empty`, there was nothing to clear. `turn` is when; one clearing of many gradients is one turn.
    """

    site: Site
    lost: tuple[Addition, ...]
    conditional: bool
    empty: bool = False
    turn: int = 0


@dataclass(slots=True, eq=False)
class Clip:
    """Gradients were clipped. `idle` says that none of them held anything, `late` that all had been used before.

    It has `served` once an updater has used one of them with nothing added in between.
    """

    site: Site
    name: str
    idle: bool
    late: bool
    served: bool = False


@dataclass(frozen=True, slots=True)
class FirstSum:
    """The first step of an updater took what had been `added` for it and what was `left` from before there was one."""

    updater: UpdaterId
    step: Site
    left: tuple[Addition, ...]
    added: tuple[Addition, ...]


@dataclass(slots=True)
class Gradient:
    """The state of one gradient. `known` is true while nothing unseen can have happened to it.

    So many of the additions had been made before an optimizer got its parameter: `left`.
    """

    known: bool = False
    added: list[Addition] = field(default_factory=list)
    uses: dict[UpdaterId, Use] = field(default_factory=dict)
    used_before: set[UpdaterId] = field(default_factory=set)
    clearing: Clearing | None = None
    seen_upto: int = 0
    clips: list[tuple[Clip, int]] = field(default_factory=list)
    unscaled: bool = False
    left: int = 0
    first_sum: FirstSum | None = None

    def add(self, addition: Addition) -> None:
        self.added.append(addition)
        self.unscaled = False

    def use(self, updater: UpdaterId, site: Site) -> None:
        if self.added:  # a step that finds nothing uses nothing
            self.uses[updater] = Use(site, len(self.added))
            left, added = tuple(self.added[: self.left]), tuple(self.added[self.left :])
            self.first_sum = FirstSum(updater, site, left, added) if left and added else None
            self.left = 0
        self.seen_upto = len(self.added)
        for clip, upto in self.clips:
            clip.served = clip.served or (upto == len(self.added) and upto > 0)
        self.clips.clear()

    def clip(self, clip: Clip) -> None:
        if not any(earlier.site == clip.site and upto == len(self.added) for earlier, upto in self.clips):
            self.clips.append((clip, len(self.added)))

    def is_used(self) -> bool:
        """Whether all that was added has been used."""
        return any(use.upto == len(self.added) for use in self.uses.values())

    def is_stale(self, updater: UpdaterId) -> bool:
        """Whether something has been added since this updater used the gradient."""
        use = self.uses.get(updater)
        return use is not None and use.upto < len(self.added)

    def look(self) -> None:
        self.seen_upto = len(self.added)

    def clear(self, site: Site, *, certain: bool, conditional: bool, turn: int = 0) -> None:
        lost = tuple(self.added[self.seen_upto :]) if certain else ()
        self.clearing = Clearing(site, lost, conditional, empty=not self.added, turn=turn)
        self.used_before.update(self.uses)
        self.added.clear()
        self.uses.clear()
        self.clips.clear()
        self.unscaled = False
        self.seen_upto = self.left = 0
        self.known = certain

    def forget(self) -> None:
        self.known = False
        if self.added or self.uses or self.used_before or self.clips:
            self.added.clear()
            self.uses.clear()
            self.used_before.clear()
            self.clips.clear()
        self.clearing = None
        self.unscaled = False
        self.seen_upto = self.left = 0
        self.first_sum = None


@dataclass(frozen=True, slots=True)
class Freed:
    """The backward pass that freed the buffers of an operation."""

    site: Site
    name: str
    calls: Hashable = None


@dataclass(frozen=True, slots=True)
class Written:
    """A change of a tensor in place. `optimizer` is the name of the one whose step it was, empty for an edit."""

    site: Site
    name: str
    operation: str
    hidden: bool = False
    optimizer: str = ""
    calls: Hashable = None


@dataclass(frozen=True, slots=True)
class Overwritten:
    """An operation, a tensor whose value it saved for backward, and the change that came in between."""

    node: GraphNode
    saved: SavedTensor
    write: Written


class Ledger:
    """Records events in their order. Rules look at it before the event in question is recorded."""

    def __init__(self) -> None:
        self._gradients: dict[GradientId, Gradient] = {}
        self.freed: dict[Hashable, Freed] = {}
        self.idle_steps: dict[UpdaterId, Site] = {}
        self.first_steps: dict[UpdaterId, Site] = {}
        self.idle_clips: set[Site] = set()
        self.partial_clips: dict[Site, int] = {}
        self.schedules: dict[Hashable, SchedulerStep] = {}
        self._writes: dict[Hashable, list[Written]] = {}
        self._clock = 0
        self._latest_pass: tuple[int, Site] | None = None
        self._latest_steps: dict[UpdaterId, int] = {}

    def pass_in_vain(self, updater: UpdaterId, gradients: Iterable[GradientId]) -> Site | None:
        """The latest backward pass, if it came after the latest step of an updater and added nothing to these."""
        if self._latest_pass is None or self._latest_pass[0] < self._latest_steps.get(updater, 0):
            return None
        states = [self.gradient(gradient) for gradient in gradients]
        after = [state.clearing for state in states if state.clearing and state.clearing.turn > self._latest_pass[0]]
        if any(state.added for state in states) or not all(clearing.empty for clearing in after):
            return None
        return self._latest_pass[1]

    def gradient(self, gradient: GradientId) -> Gradient:
        state = self._gradients.get(gradient)
        if state is None:
            state = self._gradients[gradient] = Gradient()
        return state

    def alias(self, gradient: GradientId, like: GradientId) -> None:
        """A gradient that has just become known has the history that `like` has had so far."""
        source = self.gradient(like)
        self._gradients[gradient] = Gradient(
            added=list(source.added), uses=dict(source.uses), clearing=source.clearing, seen_upto=source.seen_upto,
            clips=list(source.clips), unscaled=source.unscaled, left=source.left, first_sum=source.first_sum,
        )  # fmt: skip

    def born(self, gradients: Iterable[GradientId]) -> None:
        """These gradients begin to exist, empty: their whole history will be known."""
        for gradient in gradients:
            self.gradient(gradient).known = True

    def version(self, tensor: Hashable) -> int:
        """How often a tensor has been changed in place since somebody first asked; it is followed from then on."""
        return len(self._writes.setdefault(tensor, []))

    def changed(self, saved: SavedTensor, *, hidden: bool) -> Written | None:
        """The first change of a tensor after it was saved, of those that autograd sees or of those that it does not."""
        writes = self._writes.get(saved.tensor, [])
        return next((write for write in writes[saved.version :] if write.hidden is hidden), None)

    def forget(self, tensor: Hashable) -> None:
        self._writes.pop(tensor, None)

    def overwritten(self, event: Backward, *, hidden: bool = False) -> Overwritten | None:
        """The first operation of a backward pass, from the root, that finds a value changed which it had saved.

        None if the pass meets freed buffers before: it gets no further.
        """
        for node in event.graph:
            if node.saves and node.id in self.freed:
                return None
            for saved in node.saved:
                write = self.changed(saved, hidden=hidden)
                if write is not None:
                    return Overwritten(node, saved, write)
        return None

    def written(self, *, hidden: bool = False, by_step: bool = False) -> frozenset[Site]:
        """The places that changed a tensor which is followed."""
        return frozenset(
            write.site
            for writes in self._writes.values()
            for write in writes
            if write.hidden is hidden and bool(write.optimizer) is by_step
        )

    def record(self, event: Event) -> None:
        if isinstance(event, Backward):
            self._record_backward(event)
        elif isinstance(event, ZeroGrad):
            self._clock += 1
            facts: dict[str, Any] = {"conditional": event.conditional, "turn": self._clock}
            for gradient in event.gradients:
                self.gradient(gradient).clear(event.site, certain=True, **facts)
            for gradient in event.perhaps - event.gradients:
                self.gradient(gradient).clear(event.site, certain=False, **facts)
        elif isinstance(event, OptimizerStep):
            self._record_step(event)
        elif isinstance(event, TensorWrite):
            self._record_write(event)
        elif isinstance(event, ManualUpdate):
            for gradient in event.gradients:
                self.gradient(gradient).use(event.updater, event.site)
        elif isinstance(event, GradRead):
            for gradient in event.gradients:
                self.gradient(gradient).look()
        elif isinstance(event, Escape):
            for gradient in event.gradients:
                state = self.gradient(gradient)
                if event.may_clear:
                    state.forget()
                else:
                    state.known = False
        elif isinstance(event, Joined):
            for gradient in event.gradients:
                self.gradient(gradient).left = len(self.gradient(gradient).added)
        elif isinstance(event, ClipGrad):
            self._record_clip(event)
        elif isinstance(event, Unscale):
            for gradient in event.gradients:
                self.gradient(gradient).unscaled = True
        elif isinstance(event, SchedulerStep):
            self.schedules.setdefault(event.scheduler, event)

    def partly_clipped(self, gradients: Iterable[GradientId]) -> list[Clip]:
        """The clips that these gradients saw before all was added to them that has been added by now."""
        found: dict[Clip, None] = {}
        for gradient in gradients:
            state = self.gradient(gradient)
            for clip, upto in state.clips:
                if upto < len(state.added) and (upto or clip.idle) and not clip.served:
                    found[clip] = None
        return list(found)

    def _record_clip(self, event: ClipGrad) -> None:
        states = [self.gradient(gradient) for gradient in event.gradients]
        full = [state for state in states if state.added]
        clip = Clip(
            event.site,
            event.name,
            idle=not full and all(state.known for state in states),
            late=bool(full) and all(state.is_used() for state in full),
        )
        if clip.idle:
            self.idle_clips.add(event.site)
        for state in states:
            state.clip(clip)

    def _record_step(self, event: OptimizerStep) -> None:
        if not any(self.gradient(gradient).added for gradient in event.gradients):
            self.idle_steps.setdefault(event.updater, event.site)
        self.first_steps.setdefault(event.updater, event.site)
        self._clock += 1
        self._latest_steps[event.updater] = self._clock
        for clip in self.partly_clipped(event.gradients):
            self.partial_clips[clip.site] = self.partial_clips.get(clip.site, 0) + 1
        for gradient in event.gradients:
            if (
                gradient in self._writes and self.gradient(gradient).added
            ):  # a step changes what it finds a gradient for
                self._writes[gradient].append(Written(event.site, "", "step", optimizer=event.name, calls=event.calls))
            self.gradient(gradient).use(event.updater, event.site)

    def _record_write(self, event: TensorWrite) -> None:
        written = Written(event.site, event.name, event.operation, event.hidden, event.optimizer, event.calls)
        for tensor in event.tensors:
            if tensor in self._writes:
                self._writes[tensor].append(written)

    def _record_backward(self, event: Backward) -> None:
        if event.accumulates:
            self._clock += 1
            self._latest_pass = self._clock, event.site
            addition = Addition(event.site, event.calls)
            for gradient in event.gradients:
                self.gradient(gradient).add(addition)
        if event.graph and event.keeps_graph is False:
            freed = Freed(event.site, event.name, event.calls)
            for node in event.graph:
                self.freed.setdefault(node.id, freed)
