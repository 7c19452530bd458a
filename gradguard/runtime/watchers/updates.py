"""Gradients from backward to step: what was added, used and cleared, by optimizers and by hand."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import Backward, Event, Joined, OptimizerStep
from gradguard.rule import Report, Rule
from gradguard.runtime import names, text
from gradguard.runtime.gradients import Gradients
from gradguard.runtime.sites import Between, Instruction, locals_of
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from torch import Tensor

    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]


# The same events again and again: an event is frozen, so that one object will do.
@functools.lru_cache(maxsize=256)
def _backward(site: Hashable, calls: Hashable, gradients: frozenset[Hashable]) -> Backward:
    return Backward(site=site, calls=calls, name="", gradients=gradients)


@functools.lru_cache(maxsize=256)
def _step(site: Hashable, updater: Hashable, name: str, gradients: frozenset[Hashable]) -> OptimizerStep:
    return OptimizerStep(site=site, updater=updater, name=name, gradients=gradients)


class _Updates(Watcher):
    what = "the gradients"
    reads_gradients = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self.gradients = Gradients(guard.ledger, guard.emit, guard.record)
        self._here: Instruction | None = None
        self._latest: Instruction | None = None
        self._frame: FrameType | None = None
        self._calls: tuple[Instruction, ...] = ()
        self._visits: dict[Instruction | None, int] = {}

    def entering(self, call: BackwardCall) -> None:
        self._here = call.here
        if not call.adds:
            return
        self._frame = call.frame
        self._calls = call.calls
        self.gradients.enter(self._between(self._latest, call.here, "clear"), self._by_hand)
        visits = self._visits[call.here] = self._visits.get(call.here, 0) + 1
        if visits & (visits - 1) == 0:
            self.gradients.walk(call.roots)

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        self._frame = None

    def left(self, call: BackwardCall) -> None:
        self.gradients.leave(self._backward_event)
        self._latest = call.here
        self._frame = None

    def _backward_event(self, cells: frozenset[Hashable]) -> Backward:
        return _backward(self._here, self._calls, cells)

    def attend(self) -> None:
        self.gradients.resume()

    def rest(self) -> None:
        self.gradients.forget()

    def busy(self) -> bool:
        return self.gradients.pending()

    def unsettled(self) -> bool:
        return self.gradients.pending() or self.gradients.accumulates()

    def _between(self, before: Instruction | None, after: Instruction | None, what: str) -> Hashable:
        return None if before is None or after is None else Between(before, after, what)

    def _by_hand(self, tensors: Sequence[Tensor]) -> tuple[Hashable, str]:
        site = self._between(self._latest, self._here, "update")
        found = names.parameter_names(tensors[:1], self._frame, self.guard.sites) if tensors else []
        return site, found[0] if found else "w"

    def optimizer_created(self, optimizer: torch.optim.Optimizer) -> None:
        """Know its parameters before the first backward, so that their whole history is known."""
        gradients = self.gradients
        known = gradients.know(tensor for group in optimizer.param_groups for tensor in group["params"])
        if self.guard.attentive and not self.guard.depth:
            full = gradients.full(parameter for parameter in known if not parameter.owned)
            if full:
                self.guard.emit(Joined(site=None, gradients=self.settle(full, self._latest)))

    def stepped(
        self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType | None, depth: int
    ) -> None:
        gradients = self.gradients
        updater = gradients.updater(optimizer, lambda: self._optimizer_name(optimizer, frame))
        if depth:
            gradients.leave(self._backward_event, updater.parameters)
        else:
            self._frame = frame

        def event(gradients: frozenset[Hashable]) -> OptimizerStep:
            self._note_use(here, gradients)
            return _step(here, updater.key, updater.name, gradients)

        gradients.step(updater, event, self._between(self._latest, here, "clear"))
        self._frame = None
        self._latest = here

    def settle(self, tensors: Sequence[Tensor], here: Instruction | None) -> frozenset[Hashable]:
        """The cells of these gradients now, before code at `here` changes them."""
        return self.gradients.settle(tensors, self._between(self._latest, here, "clear"))

    def _note_use(self, site: Instruction | None, cells: frozenset[Hashable]) -> None:
        found = any(self.guard.ledger.gradient(cell).added for cell in cells)
        behind = False
        if found and site is not None and any(report.was_idle_once(site) for report in self.guard.reports):
            behind = any(self._is_behind(site, cell) for cell in cells)
        for report in self.guard.reports:
            report.stepped(site, found, behind=behind)

    def _is_behind(self, step: Instruction, cell: Hashable) -> bool:
        """Whether the gradient of a step is that of the turn before, as the loop is written."""
        state = self.guard.ledger.gradient(cell)
        added = state.added[-1].site if state.added and not state.uses else None
        if not isinstance(added, Instruction) or added.code != step.code:
            return False
        sites = self.guard.sites
        first, last = text.instruction_line(sites, step), text.instruction_line(sites, added)
        return first is not None and last is not None and text.is_a_turn_behind(sites.codes[step.code], first, last)

    def _optimizer_name(self, optimizer: torch.optim.Optimizer, frame: FrameType | None) -> str:
        return names.name_in_frames(optimizer, frame, self.guard.sites) or "optimizer"

    def clearing(self, frame: FrameType, depth: int) -> None:
        """What happened before a zero_grad was not done by it."""
        if depth:
            self.gradients.leave(self._backward_event)

    def cleared(self, frame: FrameType, depth: int) -> None:
        here = self.guard.sites.instruction(frame)
        self.gradients.cleared(here)
        if not depth:
            self._latest = here

    def finish(self) -> None:
        if self.guard.attentive:
            self.gradients.finish(self._by_hand)

    def escaped(self, error: BaseException) -> None:
        """`scaler.step(optimizer)` refuses to step because no gradient is there."""
        if not isinstance(error, AssertionError) or "No inf checks were recorded" not in str(error):
            return
        entry, user, optimizer = error.__traceback__, None, None
        while entry is not None:
            if self.guard.sites.is_user(entry.tb_frame.f_code):
                user = entry
            optimizer = locals_of(entry.tb_frame).get("optimizer", optimizer)
            entry = entry.tb_next
        if user is None or not isinstance(optimizer, torch.optim.Optimizer):
            return
        site = Instruction(id(user.tb_frame.f_code), user.tb_lasti)
        for report in self.guard.reports:
            report.stepped(site, found=False)
        if self.guard.attentive:
            self.stepped(optimizer, site, user.tb_frame, 0)

    def notes(self, rule: Rule, report: Report, event: Event) -> Sequence[tuple[Hashable, str]]:
        """Which parameters are stale."""
        if rule.name != "missing-zero-grad" or not isinstance(event, OptimizerStep):
            return ()
        states = {cell: self.guard.ledger.gradient(cell) for cell in event.gradients}
        stale = [
            cell
            for cell, state in states.items()
            if (use := state.uses.get(event.updater)) is not None and len(state.added) > use.upto
        ]
        tensors = self.gradients.by_cells(stale)
        if not tensors:
            return ()
        found = names.list_of(names.parameter_names(tensors, self._frame, self.guard.sites), len(tensors))
        many = "1 gradient is" if len(tensors) == 1 else f"{len(tensors)} gradients are"
        return ((report.site, f"{many} stale{': ' if found else ''}{found}"),)


WATCHER = _Updates
