"""Errors before any backward: integers that are to have a gradient, and a grad mode without its call."""

from __future__ import annotations

import ast
import re

from gradguard.events import AskedForGrad, ModeNotEntered
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.sites import Instruction, expression_at
from gradguard.runtime.syntax import last_name, place_of
from gradguard.runtime.text import scope
from gradguard.runtime.watcher import Watcher

__all__ = ["WATCHER"]

_INTEGERS = re.compile(r"only tensors of floating point .*dtype can require gradients", re.IGNORECASE)
_NO_MANAGER = re.compile(r"context manager protocol|__enter__")
_MODES = frozenset({"no_grad", "inference_mode", "enable_grad"})


class _Modes(Watcher):
    what = "what is asked for gradients"

    def escaped(self, error: BaseException) -> None:
        if isinstance(error, RuntimeError) and _INTEGERS.search(str(error)):
            self._integers(error)
        elif isinstance(error, (TypeError, AttributeError)) and _NO_MANAGER.search(str(error)):
            self._not_entered(error)

    def _integers(self, error: BaseException) -> None:
        last = last_user_entry(error, self.guard.sites)
        if last is None:
            return
        code = last.tb_frame.f_code
        node = expression_at(code, last.tb_lasti)
        name = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requires_grad_":
            name = ast.unparse(node.func.value)
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node.value)
        event = AskedForGrad(
            site=Instruction(id(code), last.tb_lasti), dtype="integer", name=name if name.isidentifier() else ""
        )
        self.guard.explain(error, event)

    def _not_entered(self, error: BaseException) -> None:
        last = last_user_entry(error, self.guard.sites)
        tree = None if last is None else scope(last.tb_frame.f_code)
        if last is None or tree is None:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.With) and node.lineno <= last.tb_lineno < node.body[0].lineno:
                for item in node.items:
                    mode = item.context_expr
                    if not isinstance(mode, ast.Call) and last_name(mode) in _MODES:
                        site = place_of(last.tb_frame.f_code.co_filename, mode)
                        self.guard.explain(error, ModeNotEntered(site=site, what=ast.unparse(mode), in_with=True))
                        return


WATCHER = _Modes
