"""What stands around the step of an optimizer: schedulers, clipping, gradient scalers."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler

from gradguard.events import ClipGrad, Exhausted, SchedulerStep, Unscale
from gradguard.runtime import names, text
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.sites import Instruction, Sites, expression_at, locals_of
from gradguard.runtime.watcher import Watcher

if TYPE_CHECKING:
    from torch import Tensor

    from gradguard.runtime.guard import Guard
    from gradguard.runtime.patches import Patches

__all__ = ["WATCHER"]

# A limit so high that it limits nothing is a way to ask for the norm.
_NO_LIMIT = 1e5
# What `_step_count` is during the first call by the user and during the second; the constructor has made it 1.
_FIRST_CALLS = (2, 3)


class _Protocol(Watcher):
    what = "clipping and schedulers"
    reads_gradients = True

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._numbers = itertools.count()
        self._schedulers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._attempted: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        self._scaled_limits: dict[Instruction | None, bool] = {}

    def install(self, patches: Patches) -> None:
        # The functions themselves may have been imported by name already; these are looked up at each call.
        if hasattr(clip_grad, "_clip_grads_with_norm_"):
            patches.patch(clip_grad, "_clip_grads_with_norm_", self._norm_patch(patches), "clipping by norm")
        patches.patch(clip_grad, "_group_tensors_by_device_and_dtype", self._group_patch(patches), "clipping by value")
        patches.patch(lr_scheduler, "_enable_get_lr_call", self._schedule_patch(patches), "schedulers")
        for name, make in (("unscale_", self._unscale_patch), ("step", self._scaler_step_patch)):
            patches.patch(torch.amp.grad_scaler.GradScaler, name, make(patches), "gradient scalers")

    def _may_look(self, patches: Patches) -> bool:
        return patches.active and self.guard.attentive and not self.guard.elsewhere() and self in self.guard.watchers

    def _try(self, look: Callable[..., None], *facts: Any) -> None:
        try:
            look(*facts)
        except Exception as error:
            self.guard.drop(self)
            self.guard.trouble(self.what, error)

    def _updates(self) -> Any:
        return next((watcher for watcher in self.guard.watchers if hasattr(watcher, "settle")), None)

    # Clipping

    def _norm_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def _clip_grads_with_norm_(parameters: Any, max_norm: Any, *args: Any, **kwargs: Any) -> Any:
                if not self._may_look(patches):
                    return original(parameters, max_norm, *args, **kwargs)
                tensors = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
                self._try(self._clip, "clip_grad_norm_", tensors, max_norm, sys._getframe(1))
                result = original(tensors, max_norm, *args, **kwargs)
                self._try(self._edited, tensors)
                return result

            return _clip_grads_with_norm_

        return make

    def _group_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def _group_tensors_by_device_and_dtype(*args: Any, **kwargs: Any) -> Any:
                caller = sys._getframe(1)
                # Clipping by norm calls it too; until torch 2.6 that was all in one function.
                if caller.f_code.co_name in ("clip_grad_value_", "clip_grad_norm_") and self._may_look(patches):
                    self._try(self._clip_by_value, caller.f_code.co_name, caller)
                return original(*args, **kwargs)

            return _group_tensors_by_device_and_dtype

        return make

    def _clip_by_value(self, name: str, caller: Any) -> None:
        """The gradients are told apart by what they are: a generator of parameters is spent by now."""
        variables = locals_of(caller)
        grads = {id(grad) for grad in variables.get("grads") or ()}
        updates = self._updates()
        if updates is None:
            return
        known = [tensor for tensor in updates.gradients.tensors() if tensor.is_leaf and tensor.grad is not None]
        if not grads and known:
            self._empty(name, caller)
        tensors = [tensor for tensor in known if id(tensor.grad) in grads]
        if tensors:
            self._clip(name, tensors, variables.get("clip_value", variables.get("max_norm")), caller)

    def _clip(self, name: str, tensors: Sequence[Tensor], limit: Any, frame: Any) -> None:
        updates = self._updates()
        if not tensors:
            self._empty(name, frame)
        if updates is None or not tensors or (isinstance(limit, (int, float)) and limit >= _NO_LIMIT):
            return
        here = self.guard.sites.instruction(frame)
        if self._is_scaled_limit(here):
            return
        self.guard.emit(ClipGrad(site=here, name=name, gradients=updates.settle(tensors, here)))

    def _empty(self, name: str, frame: Any) -> None:
        """There was nothing to clip: was an iterator given that had been used up before?"""
        user = self.guard.sites.user_frame(frame)
        if user is not None:
            self._exhausted(user, user.f_lasti, f"`{name}`", None)

    def _exhausted(self, user: Any, offset: int, consumer: str, error: BaseException | None) -> None:
        node = expression_at(user.f_code, offset)
        if not isinstance(node, ast.Call) or not (node.args or node.keywords):
            return
        given = node.args[0] if node.args else node.keywords[0].value
        if not isinstance(text.evaluate(given, user), Iterator):
            return
        event = Exhausted(
            site=Instruction(id(user.f_code), offset), name=text.source_of(given), spent_at=None, consumer=consumer
        )
        if error is None:
            self.guard.emit(event)
        else:
            self.guard.explain(error, event)

    def escaped(self, error: BaseException) -> None:
        """An optimizer refuses an iterator that has been used up."""
        if isinstance(error, ValueError) and "empty parameter list" in str(error):
            last = last_user_entry(error, self.guard.sites)
            if last is not None:
                self._exhausted(last.tb_frame, last.tb_lasti, "the optimizer", error)

    def _is_scaled_limit(self, here: Instruction | None) -> bool:
        """Whether the limit is multiplied by the scale of the gradients, as the text has it."""
        known = self._scaled_limits.get(here)
        if known is None:
            node = None if here is None else expression_at(self.guard.sites.codes[here.code], here.offset)
            words = " ".join(ast.unparse(part) for part in node.args[1:]) if isinstance(node, ast.Call) else ""
            known = self._scaled_limits[here] = bool(re.search("scale", words, re.IGNORECASE))
        return known

    def _edited(self, tensors: Sequence[Tensor]) -> None:
        updates = self._updates()
        if updates is not None:
            updates.gradients.edited(tensors)

    # Gradient scalers

    def _unscale_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def unscale_(scaler: Any, optimizer: Any) -> Any:
                if not self._may_look(patches) or not scaler.is_enabled():
                    return original(scaler, optimizer)
                tensors = [tensor for group in optimizer.param_groups for tensor in group["params"]]
                self._try(self._unscale, scaler, tensors, sys._getframe(1))
                result = original(scaler, optimizer)
                self._try(self._edited, tensors)
                return result

            return unscale_

        return make

    def _unscale(self, scaler: Any, tensors: Sequence[Tensor], frame: Any) -> None:
        updates = self._updates()
        if updates is None:
            return
        user = self.guard.sites.user_frame(frame)
        here = None if user is None else Instruction(id(user.f_code), user.f_lasti)
        name = _receiver(self.guard.sites, here) or "scaler"
        self.guard.emit(Unscale(site=here, name=name, gradients=updates.settle(tensors, here)))

    def _scaler_step_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def step(scaler: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
                if patches.active:
                    # It skips the step where a gradient is not finite; the schedule goes on all the same.
                    self._try(self._attempted.add, optimizer)
                return original(scaler, optimizer, *args, **kwargs)

            return step

        return make

    # Schedulers

    def _schedule_patch(self, patches: Patches) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def _enable_get_lr_call(scheduler: Any) -> Any:
                if patches.active and getattr(scheduler, "_step_count", 0) in _FIRST_CALLS:
                    self._try(self._schedule, scheduler, sys._getframe(1))
                return original(scheduler)

            return _enable_get_lr_call

        return make

    def _schedule(self, scheduler: Any, frame: Any) -> None:
        if self.guard.elsewhere() or locals_of(frame).get("epoch") is not None:
            return
        sites, optimizer = self.guard.sites, scheduler.optimizer
        user = sites.user_frame(frame)
        if user is None:
            return
        number = self._schedulers.get(scheduler)
        if number is None:
            number = self._schedulers[scheduler] = next(self._numbers)
        early: bool | None = not getattr(optimizer, "_opt_called", False) and optimizer not in self._attempted
        if early and not hasattr(optimizer.step, "_wrapped_by_lr_sched"):
            early = None  # somebody has put another `step` in its place, and nobody counts
        event = SchedulerStep(
            site=Instruction(id(user.f_code), user.f_lasti),
            scheduler=number,
            name=names.name_in_frames(scheduler, user, sites) or "scheduler",
            optimizer=names.name_in_frames(optimizer, user, sites) or "optimizer",
            early=early,
        )
        self.guard.emit(event)


def _receiver(sites: Sites, here: Instruction | None) -> str:
    if here is None:
        return ""
    code = sites.codes[here.code]
    return text.receiver(code, here.offset, "step") or text.receiver(code, here.offset, "unscale_")


WATCHER = _Protocol
