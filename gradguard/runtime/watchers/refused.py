"""Backward passes that torch refuses to begin, since the root has more than one element."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Any

import torch

from gradguard.events import Backward
from gradguard.runtime import names, text
from gradguard.runtime.sites import Instruction
from gradguard.runtime.watcher import Watcher

__all__ = ["WATCHER"]

_NOT_SCALAR = "grad can be implicitly created only for scalar outputs"


class _Refused(Watcher):
    what = "a backward on a non-scalar"

    def refused(self, error: BaseException, roots: Sequence[Any], grads: Sequence[Any], frame: FrameType) -> None:
        if _NOT_SCALAR not in str(error):
            return
        user = self.guard.sites.user_frame(frame)
        if user is None:
            return
        pairs = zip(roots, grads, strict=False)
        root = next((root for root, grad in pairs if _needs_seed(root) and grad is None), None)
        if root is None:
            return
        name = text.receiver(user.f_code, user.f_lasti, "backward") or text.tensor_name(root, user)
        event = Backward(
            site=Instruction(id(user.f_code), user.f_lasti),
            name=name,
            many=True,
            seeded=False,
            shape=str(tuple(root.shape)),
            unreduced=text.assignment(user.f_code, name, user.f_lineno),
            unreduced_by=f"`{names.operation(root.grad_fn)}`" if root.grad_fn is not None else "",
        )
        self.guard.explain(error, event)


def _needs_seed(root: Any) -> bool:
    return isinstance(root, torch.Tensor) and root.numel() != 1


WATCHER = _Refused
