"""Backward passes that torch refuses to begin, since the root has more than one element."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import FrameType
from typing import Any

import torch

from gradguard.events import Backward
from gradguard.runtime import names, origins, text
from gradguard.runtime.sites import Instruction, expression_at
from gradguard.runtime.watcher import Watcher

__all__ = ["WATCHER"]

_LONGEST_NAME = 40
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
        expression = origins.root_expression(user, root)
        name = ast.unparse(expression) if expression is not None else ""
        if not name or len(name) > _LONGEST_NAME:
            name = text.tensor_name(root, user)
        node = root.grad_fn
        if node is not None and self._is_scaled(self.guard.places.made(node)):
            node = node.next_functions[0][0] or node
        event = Backward(
            site=Instruction(id(user.f_code), user.f_lasti),
            name=name,
            many=True,
            seeded=False,
            shape=str(tuple(root.shape)),
            unreduced=self.guard.places.made(node) or text.assignment(user.f_code, name, user.f_lineno),
            unreduced_by=self._maker(node, name, user),
        )
        self.guard.explain(error, event)

    def _maker(self, node: Any, name: str, user: FrameType) -> str:
        """What the source calls there: `F.cross_entropy`, not the `nll_loss` that it ends with."""
        if node is None:
            return ""
        made = self.guard.places.made(node)
        call = None if made is None else expression_at(self.guard.sites.codes[made.code], made.offset)
        operation = names.operation(node)
        function = call.func if isinstance(call, ast.Call) else None
        if made is None:
            function = text.called(user.f_code, name, user.f_lineno)
        if isinstance(function, ast.Attribute) and not isinstance(function.value, (ast.Name, ast.Attribute)):
            return operation
        written = "" if function is None else ast.unparse(function)
        return operation if not written or written.rpartition(".")[2] == operation else written

    def _is_scaled(self, made: Instruction | None) -> bool:
        """Whether a gradient scaler has made it: what it was given had as many elements."""
        call = None if made is None else expression_at(self.guard.sites.codes[made.code], made.offset)
        return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "scale"


def _needs_seed(root: Any) -> bool:
    return isinstance(root, torch.Tensor) and root.numel() != 1


WATCHER = _Refused
