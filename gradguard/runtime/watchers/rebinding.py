"""Parameters whose update is bound to a name and lost.

To bind a name leaves no trace in a run. What it comes to does: weights stay as they were from one backward to the next,
or an optimizer steps and finds no gradient any more. Only then is the source read, for the statement that explains it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import LostParameter, LostUpdate
from gradguard.runtime import text
from gradguard.runtime.called import Called, called_by, calls_in
from gradguard.runtime.gradients import Copy, is_as_before, values_of
from gradguard.runtime.lost import Lost, lost_updates, rebound_from_itself, tensors_given
from gradguard.runtime.names import name_in_frames
from gradguard.runtime.sites import Instruction, is_users, parsed
from gradguard.runtime.syntax import matched, place_of
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_LAST_VISIT = 16
_MOST_PARAMETERS = 16


class _Rebinding(Watcher):
    what = "parameters that are bound anew"
    reads_gradients = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._visits: dict[Instruction | None, int] = {}
        self._values: dict[int, Copy | None] = {}  # a sample of each leaf that no optimizer has
        self._read: set[int] = set()  # code whose text has been searched
        self._used: set[int] = set()  # optimizers that have stepped with a gradient
        self._told: set[int] = set()

    # The weights stay as they are

    def entering(self, call: BackwardCall) -> None:
        if not call.adds:
            return
        visits = self._visits[call.here] = self._visits.get(call.here, 0) + 1
        if visits <= _LAST_VISIT and visits & (visits - 1) == 0 and self._any_stays():
            for frame in call.frames:
                self._search(frame)

    def _any_stays(self) -> bool:
        """Whether a leaf that no optimizer has, and that gets gradients, is as it was at an earlier look."""
        updates = next((watcher for watcher in self.guard.watchers if hasattr(watcher, "gradients")), None)
        stays = False
        for serial, tensor in () if updates is None else updates.gradients.unowned():
            stays = stays or is_as_before(self._values.get(serial), tensor)
            self._values[serial] = values_of(tensor)
        return stays

    def _search(self, frame: FrameType) -> None:
        code = frame.f_code
        for lost in self._lost(code):
            if lost.of_loop:
                self._tell(code, lost)
        for called in called_by(frame, calls_in(code)):
            if is_users(called.code) and self.guard.sites.is_user(called.code):
                for lost in self._lost(called.code):
                    if lost.of_loop or _is_leaf(_given(called, lost.name)):
                        self._tell(called.code, lost)

    def _lost(self, code: CodeType) -> Iterator[Lost]:
        if id(code) in self._read or "grad" not in code.co_names:
            return
        self._read.add(id(code))
        tree = text.scope(code)
        if tree is not None and (code.co_name == "<module>" or tree is not parsed(code.co_filename)):
            yield from lost_updates(tree)

    def _tell(self, code: CodeType, lost: Lost) -> None:
        self.guard.emit(
            LostUpdate(
                site=place_of(code.co_filename, lost.statement),
                name=lost.name,
                of_loop=lost.of_loop,
                update=ast.unparse(lost.statement.value),
            )
        )

    # The optimizer holds a tensor that nobody uses

    def stepping(self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType) -> None:
        held = [tensor for group in optimizer.param_groups for tensor in group["params"][: _MOST_PARAMETERS + 1]]
        if len(held) > _MOST_PARAMETERS:
            return
        if any(tensor.grad is not None for tensor in held):
            self._used.add(id(optimizer))
        elif here is not None and id(optimizer) in self._used and id(optimizer) not in self._told:
            self._told.add(id(optimizer))
            self._look_for(optimizer, held, here, frame)

    def _look_for(
        self, optimizer: torch.optim.Optimizer, held: list[torch.Tensor], here: Instruction, frame: FrameType
    ) -> None:
        sites = self.guard.sites
        for user in sites.user_frames(frame):
            name = name_in_frames(optimizer, user, sites)
            path = user.f_code.co_filename
            tree = parsed(path)
            if not name or tree is None:
                continue
            for target, listed in tensors_given(tree, name.rsplit(".", 1)[-1]):
                if text.evaluate(target, user) is not optimizer:
                    continue
                for expression in listed:
                    statement = rebound_from_itself(tree, expression)
                    if statement is not None and _is_another(text.evaluate(expression, user), held):
                        site = place_of(path, statement)
                        shown = ast.unparse(expression)
                        self.guard.emit(LostParameter(site=site, name=shown, optimizer=name, stepped_at=here))
                        return
            return


def _given(called: Called, name: str) -> Any:
    """What the call gives for a parameter of the function."""
    tree = text.scope(called.code)
    given = None if tree is None else matched(tree, called.call, bound=called.owner is not None).get(name)
    return None if given is None else text.evaluate(given, called.frame)


def _is_leaf(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_leaf and value.requires_grad


def _is_another(value: Any, held: list[torch.Tensor]) -> bool:
    """Whether a tensor stands where one that the optimizer holds has been."""
    if not isinstance(value, torch.Tensor) or any(tensor is value for tensor in held):
        return False
    return any(tensor.shape == value.shape and tensor.dtype == value.dtype for tensor in held)


WATCHER = _Rebinding
