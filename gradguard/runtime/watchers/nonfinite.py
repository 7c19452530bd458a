"""The first operation whose backward makes inf or nan out of finite gradients. Only if the rule is asked for.

Every node of the graph gets a hook for the time of the backward. That costs, so without the rule nothing is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gradguard.events import NonFiniteGradient
from gradguard.runtime import edits, names, text
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Instruction, SourceLine
from gradguard.runtime.watcher import Watcher

__all__ = ["WATCHER"]

_CODE = "GG701"


class _NonFinite(Watcher):
    what = "gradients that are not finite"

    def install(self, patches: Any) -> None:
        if any(_CODE in report.codes for report in self.guard.reports):
            patches.patch(torch.autograd, "_engine_run_backward", self._backward(patches), self.what)

    def _backward(self, patches: Any) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def _engine_run_backward(t_outputs: Any, *args: Any, **kwargs: Any) -> Any:
                if not patches.active or self.guard.depth or self.guard.elsewhere() or self not in self.guard.watchers:
                    return original(t_outputs, *args, **kwargs)
                first: list[tuple[str, str, Any]] = []
                handles = self._watch(t_outputs, first)
                try:
                    return original(t_outputs, *args, **kwargs)
                finally:
                    for handle in handles:
                        handle.remove()
                    if first:
                        self._tell(t_outputs, *first[0], sys._getframe(1))

            return _engine_run_backward

        return make

    def _watch(self, roots: Sequence[Any], first: list[tuple[str, str, Any]]) -> list[Any]:
        handles: list[Any] = []
        try:
            inner = [node for node in nodes_from(roots) if type(node).__name__ != "AccumulateGrad"]
            made = self.guard.places.made
            handles.extend(node.register_hook(_hook(names.operation(node), made(node), first)) for node in inner)
        except Exception as error:
            self.guard.drop(self)
            self.guard.trouble(self.what, error)
        return handles

    def _tell(self, roots: Sequence[Any], operation: str, value: str, made_at: Any, frame: Any) -> None:
        try:
            user = self.guard.sites.user_frame(frame)
            if user is None:
                return
            loss = roots[0] if isinstance(roots[0], torch.Tensor) else None
            self.guard.emit(
                NonFiniteGradient(
                    site=Instruction(id(user.f_code), user.f_lasti),
                    name=text.receiver(user.f_code, user.f_lasti, "backward"),
                    operation=operation,
                    value=value,
                    made_at=made_at or self._made_at(operation, user),
                    finite_loss=None if loss is None else bool(torch.isfinite(loss.detach()).all()),
                )
            )
        except Exception as error:
            self.guard.drop(self)
            self.guard.trouble(self.what, error)

    def _made_at(self, operation: str, frame: Any) -> SourceLine | None:
        """The only place in the user's code where the operation is written."""
        found = [
            place
            for path in edits.files_in_sight(self.guard.sites.user_frames(frame), self.guard.sites)
            for place in edits.places_of_operation(path, operation)
        ]
        return found[0] if len(found) == 1 else None


def _hook(operation: str, made_at: Any, first: list[tuple[str, str, Any]]) -> Callable[[Any, Any], None]:
    def look(made: Any, given: Any) -> None:
        if first or torch.compiler.is_compiling():
            return
        bad = next((value for value in map(_nonfinite, made) if value), "")
        if bad and not any(map(_nonfinite, given)):
            first.append((operation, bad, made_at))

    return look


def _nonfinite(gradient: Any) -> str:
    if not isinstance(gradient, torch.Tensor) or gradient.layout is not torch.strided:
        return ""
    if not (gradient.is_floating_point() or gradient.is_complex()):
        return ""
    with torch.no_grad():
        if bool(torch.isfinite(gradient).all()):
            return ""
        return "nan" if bool(torch.isnan(gradient).any()) else "inf"


WATCHER = _NonFinite
