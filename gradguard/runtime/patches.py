"""The choke points of torch: installed while a watch is open, and put back exactly as they were."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from gradguard.runtime.guard import IGNORED, NOTED, WATCHED, Guard

__all__ = ["Patches"]

_MISSING = object()


class Patches:
    """Everything that is changed in torch and in the standard library, and how to undo it."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.active = False
        self._undo: list[Callable[[], None]] = []

    def install(self) -> None:
        self.active = True
        self.patch(torch.autograd, "_engine_run_backward", self._backward, "the backward pass")
        self.patch(torch.autograd, "_make_grads", self._make_grads, "a backward on a non-scalar")
        self.patch(Optimizer, "add_param_group", self._add_param_group, "the construction of optimizers")
        for owner in (Optimizer, torch.nn.Module):
            self.patch(owner, "zero_grad", self._zero_grad, "zero_grad")
        self._undo.append(register_optimizer_step_pre_hook(self._step_begins()).remove)
        self._undo.append(register_optimizer_step_post_hook(self._stepped()).remove)
        self.guard.install(self)

    def uninstall(self) -> None:
        self.active = False
        while self._undo:
            self._undo.pop()()

    def at_end(self, undo: Callable[[], None]) -> None:
        self._undo.append(undo)

    def patch(self, owner: Any, name: str, make: Callable[[Any], Any], what: str) -> None:
        """Replace `owner.name` by `make(its original)` until the end. `what` is not watched where there is none.

        The replacement must call the original unless `self.active`, raise what that raises, and return what it returns.
        """
        original = vars(owner).get(name, _MISSING)
        if original is _MISSING:
            self.guard.unavailable(what)
            return
        replacement = make(original)
        _skip_when_compiling(replacement)
        for attribute in ("__doc__", "__name__", "__qualname__", "__module__"):
            setattr(replacement, attribute, getattr(original, attribute, None))
        replacement.__wrapped__ = original
        setattr(owner, name, replacement)

        def restore() -> None:
            # Somebody may have patched it after us; then ours stays underneath, and does nothing.
            if vars(owner).get(name) is replacement:
                setattr(owner, name, original)

        self._undo.append(restore)

    def _backward(self, original: Any) -> Any:
        guard, attention = self.guard, self.guard.attention

        def _engine_run_backward(t_outputs: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.active:
                return original(t_outputs, *args, **kwargs)
            try:
                guard.passes += 1
                if attention.on or not guard.passes_by(t_outputs, args, kwargs):
                    manner = guard.enter(t_outputs, args, kwargs, sys._getframe(1))
                else:
                    manner = NOTED
            except Exception as error:
                guard.trouble("the backward pass", error)
                manner = IGNORED
            if manner == IGNORED:
                return original(t_outputs, *args, **kwargs)
            guard.depth = 1
            try:
                result = original(t_outputs, *args, **kwargs)
            except BaseException as error:
                guard.depth = 0
                try:
                    guard.failed(error, t_outputs, sys._getframe(1))
                except Exception as own:
                    guard.trouble("a failed backward", own)
                raise
            guard.depth = 0
            if manner == WATCHED:
                guard.leave()
            return result

        return _engine_run_backward

    def _make_grads(self, original: Any) -> Any:
        guard = self.guard

        def _make_grads(outputs: Any, grads: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return original(outputs, grads, *args, **kwargs)
            except RuntimeError as error:
                if self.active:
                    try:
                        guard.refused(error, outputs, grads, sys._getframe(1))
                    except Exception as own:
                        guard.trouble("a backward on a non-scalar", own)
                raise

        return _make_grads

    def _add_param_group(self, original: Any) -> Any:
        guard = self.guard

        def add_param_group(self_: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self_, *args, **kwargs)
            if self.active and not torch.compiler.is_compiling():
                guard.optimizer_created(self_)
            return result

        return add_param_group

    def _zero_grad(self, original: Any) -> Any:
        guard, attention = self.guard, self.guard.attention

        def zero_grad(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if not attention.on or not self.active or torch.compiler.is_compiling():
                return original(self_, *args, **kwargs)
            guard.clearing(sys._getframe(1))
            result = original(self_, *args, **kwargs)
            guard.cleared(sys._getframe(1))
            return result

        return zero_grad

    def _step_begins(self) -> Any:
        guard, attention = self.guard, self.guard.attention

        def hook(optimizer: Any, args: Any, kwargs: Any) -> Any:
            if not attention.on or torch.compiler.is_compiling() or guard.elsewhere():
                return None
            return guard.step_begins(optimizer, args, kwargs, sys._getframe(1))

        _skip_when_compiling(hook)
        return hook

    def _stepped(self) -> Any:
        guard, attention = self.guard, self.guard.attention

        def hook(optimizer: Any, _args: Any, _kwargs: Any) -> None:
            guard.steps += 1
            if attention.on and not torch.compiler.is_compiling() and not guard.elsewhere():
                guard.step_ends(optimizer, sys._getframe(1))

        _skip_when_compiling(hook)
        return hook


_skipped: list[Any] = []  # code objects: the closures made of one share it


def _skip_when_compiling(function: Any) -> None:
    """torch.compile would trace into a hook and break its graphs there."""
    code = function.__code__
    if any(code is known for known in _skipped):
        return
    _skipped.append(code)
    try:
        from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy

        set_code_exec_strategy(code, _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP))
    except (ImportError, AttributeError, TypeError):
        return
