"""Statements that name a method of an optimizer, a scheduler, a scaler, a module or a tensor without calling it.

Such a statement does nothing that could be seen. So the code of the functions that are active around a backward or a
step is read, once for each: its instructions show whether a value is looked up and thrown away; the text says which
one, and the variables at that moment what it belongs to.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import UncalledMethod
from gradguard.runtime import text
from gradguard.runtime.called import called_by, calls_in
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.sites import Instruction, is_users, locals_of, parsed
from gradguard.runtime.syntax import place_of
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_OWNERS: dict[str, tuple[type, ...]] = {
    "step": (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler, torch.amp.grad_scaler.GradScaler),
    "zero_grad": (torch.optim.Optimizer, torch.nn.Module),
    "update": (torch.amp.grad_scaler.GradScaler,),
    "unscale_": (torch.amp.grad_scaler.GradScaler,),
    "backward": (torch.Tensor,),
    "retain_grad": (torch.Tensor,),
    "zero_": (torch.Tensor,),
    "detach_": (torch.Tensor,),
    "requires_grad_": (torch.Tensor, torch.nn.Module),
}
_METHODS = frozenset(_OWNERS)
_LOOKS_UP, _THROWS_AWAY = dis.opmap["LOAD_ATTR"], dis.opmap["POP_TOP"]
_MOST_LOOKS = 8  # at one function, until all of its variables have a value


class _Named(Watcher):
    what = "methods that are named but not called"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._open: dict[int, list[ast.Attribute]] = {}
        self._called: dict[int, list[ast.Call]] = {}
        self._elsewhere: set[int] = set()  # code that was called, and has not been seen at work
        self._calls: dict[Instruction | None, int] = {}

    def entering(self, call: BackwardCall) -> None:
        self._visit(call.here, call.frames)

    def stepping(self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType) -> None:
        self._visit(here, self.guard.sites.user_frames(frame))

    def unsettled(self) -> bool:
        return any(waiting for key, waiting in self._open.items() if key not in self._elsewhere)

    def escaped(self, error: BaseException) -> None:
        last = last_user_entry(error, self.guard.sites)
        if last is not None:
            self._look(last.tb_frame)

    def _visit(self, here: Instruction | None, frames: Iterable[FrameType]) -> None:
        """A call is looked at when it is made for the first time, and a few times more."""
        visits = self._calls[here] = self._calls.get(here, 0) + 1
        if visits & (visits - 1) == 0 and visits < 1 << _MOST_LOOKS:
            for frame in frames:
                self._look(frame)
                self._look_into_calls(frame)

    def _look_into_calls(self, frame: FrameType) -> None:
        """What the frame calls, or has called, need not be there when a backward or a step is."""
        code = frame.f_code
        calls = self._called.get(id(code))
        if calls is None:
            calls = self._called[id(code)] = calls_in(code)
        for called in called_by(frame, calls):
            # Only what may have something to tell is counted as seen.
            if _METHODS.isdisjoint(called.code.co_names) or not is_users(called.code):
                continue
            if id(called.code) not in self._open:
                self._elsewhere.add(id(called.code))
            if self.guard.sites.is_user(called.code) and self._waiting(called.code):
                self._tell(called.code, called.value)

    def _waiting(self, code: CodeType) -> list[ast.Attribute]:
        waiting = self._open.get(id(code))
        if waiting is None:
            waiting = self._open[id(code)] = list(_named(code))
        return waiting

    def _look(self, frame: FrameType) -> None:
        if self._waiting(frame.f_code):
            self._elsewhere.discard(id(frame.f_code))
            variables = locals_of(frame)
            self._tell(frame.f_code, lambda name: variables.get(name, frame.f_globals.get(name)))

    def _tell(self, code: CodeType, look_up: Callable[[str], Any]) -> None:
        waiting = self._waiting(code)
        for node in list(waiting):
            owner = node.value
            if isinstance(owner, ast.Attribute) and owner.attr == "grad":
                value = text.evaluate_with(owner.value, look_up)
                known = isinstance(value, torch.Tensor)
            else:
                value = text.evaluate_with(owner, look_up)
                known = isinstance(value, _OWNERS[node.attr]) and _is_method(value, node.attr)
            if known:
                waiting.remove(node)
                event = UncalledMethod(
                    site=place_of(code.co_filename, node), receiver=ast.unparse(owner), method=node.attr
                )
                self.guard.emit(event)


def _is_method(value: Any, name: str) -> bool:
    """Whether the class has a plain method of that name, and the object nothing else in its place."""
    for cls in type(value).__mro__:
        if name in vars(cls):
            return isinstance(vars(cls)[name], (FunctionType, type(torch.Tensor.zero_)))
    return False


def _named(code: CodeType) -> Iterator[ast.Attribute]:
    """The statements of a function that are nothing but the name of such a method."""
    if _METHODS.isdisjoint(code.co_names) or not _throws_away(code):
        return
    scope = text.scope(code)
    if scope is None or (scope is parsed(code.co_filename) and code.co_name != "<module>"):
        return
    stack: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop(0)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute) and node.value.attr in _METHODS:
            yield node.value
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        elif isinstance(node, ast.Try):  # it asks whether there is such a method
            stack += [*node.orelse, *node.finalbody, *(part for handler in node.handlers for part in handler.body)]
        else:
            stack += ast.iter_child_nodes(node)


def _throws_away(code: CodeType) -> bool:
    """Whether an attribute is looked up and not used. A notebook shows the value of a cell's last expression."""
    instructions = code.co_code
    looked_up = False
    for index in range(0, len(instructions), 2):
        opcode = instructions[index]
        if opcode == 0:  # room for the interpreter's own notes
            continue
        if looked_up and opcode == _THROWS_AWAY:
            return True
        looked_up = opcode == _LOOKS_UP
    return False


WATCHER = _Named
