"""Records a run for the picture of it: every event, and the loss of every backward."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import Backward, Event, ManualUpdate, OptimizerStep, ZeroGrad
from gradguard.runtime.sites import Instruction
from gradguard.runtime.watcher import BackwardCall, Watcher
from gradguard.timeline import BACKWARD, CLEAR, STEP, UPDATE, Lane, Moment, Timeline

if TYPE_CHECKING:
    from gradguard.runtime.gradients import Gradients
    from gradguard.runtime.guard import Guard

__all__ = ["Recorder"]

_MOST = 20_000
_KINDS = {Backward: BACKWARD, OptimizerStep: STEP, ZeroGrad: CLEAR, ManualUpdate: UPDATE}


@dataclass(slots=True)
class _Record:
    kind: str
    members: frozenset[int]  # the serials of the parameters
    site: Hashable
    text: str = ""
    loss: float | None = None


@dataclass(slots=True)
class _Group:
    name: str
    serials: frozenset[int] = frozenset()
    number: int = 0  # of the group in its optimizer
    groups: int = 1


class Recorder(Watcher):
    """A watcher that keeps what it sees. It holds no tensor: parameters are numbers, losses are floats."""

    what = "the picture of the run"
    reads_gradients = True
    tireless = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._records: list[_Record] = []
        self._left_out = 0
        self._groups: list[_Group] = []
        self._sizes: dict[tuple[int, int], int] = {}
        self._members: dict[tuple[frozenset[Hashable], int], frozenset[int]] = {}

    @property
    def _gradients(self) -> Gradients | None:
        for watcher in self.guard.watchers:
            found: Gradients | None = getattr(watcher, "gradients", None)
            if found is not None:
                return found
        return None

    def emitted(self, event: Event) -> None:
        kind = _KINDS.get(type(event))
        gradients = self._gradients
        if kind is None or gradients is None:
            return
        cells: frozenset[Hashable] = event.gradients  # type: ignore[attr-defined]
        key = cells, gradients.splits
        members = self._members.get(key)
        if members is None:
            members = self._members[key] = gradients.serials(cells)
        name = getattr(event, "name", "")
        if isinstance(event, ManualUpdate):
            self._by_hand(name, members)
        self._add(_Record(kind, members, event.site, name))

    def _add(self, record: _Record) -> None:
        if len(self._records) >= _MOST:
            self._left_out += 1
        else:
            self._records.append(record)

    def left(self, call: BackwardCall) -> None:
        """The loss of a backward. Its event, if it changed any gradient, has been told just before."""
        if not call.adds:
            return
        loss = _scalar(call.roots[0]) if len(call.roots) == 1 else None
        last = self._records[-1] if self._records else None
        if last is None or last.kind != BACKWARD or last.site != call.here or last.loss is not None:
            last = _Record(BACKWARD, frozenset(), call.here)
            self._add(last)
        last.loss = loss

    def stepped(
        self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType | None, depth: int
    ) -> None:
        """The optimizer's groups are lanes."""
        del here, frame, depth
        gradients = self._gradients
        if gradients is None:
            return
        groups = optimizer.param_groups
        for number, group in enumerate(groups):
            size = len(group["params"])
            if self._sizes.get((id(optimizer), number)) == size:
                continue
            self._sizes[id(optimizer), number] = size
            serials = frozenset(gradients.parameter(tensor).serial for tensor in group["params"])
            name = gradients.updater(optimizer, lambda: "optimizer").name
            known = next(
                (g for g in self._groups if g.name == name and g.number == number and g.serials & serials), None
            )
            if known is None:
                self._groups.append(_Group(name, serials, number, len(groups)))
            else:
                known.serials |= serials

    def _by_hand(self, name: str, members: frozenset[int]) -> None:
        if not any(members <= group.serials for group in self._groups):
            self._groups.append(_Group(f"{name}, updated by hand", members))

    def timeline(self) -> Timeline:
        """What was recorded, with the places worked out."""
        groups = list(self._groups)
        held = frozenset().union(*(group.serials for group in groups))
        rest = frozenset().union(*(record.members for record in self._records)) - held
        if rest:
            groups.append(_Group("in no optimizer", rest))
        lanes = tuple(
            Lane(group.name if group.groups == 1 else f"{group.name}, group {group.number}", len(group.serials))
            for group in groups
        )
        reached: dict[frozenset[int], tuple[int, ...]] = {}
        moments = []
        for record in self._records:
            numbers = reached.get(record.members)
            if numbers is None:
                numbers = reached[record.members] = tuple(
                    number for number, group in enumerate(groups) if not group.serials.isdisjoint(record.members)
                )
            location = self.guard.locate(record.site)
            moments.append(Moment(record.kind, numbers, location, record.text, record.loss))
        return Timeline(lanes, tuple(moments), self._left_out)


def _scalar(root: Any) -> float | None:
    if isinstance(root, torch.Tensor) and root.numel() == 1 and root.is_floating_point():
        return float(root.detach())
    return None
