"""Custom autograd Functions: counts of gradients and calls of objects that torch refuses, and what a context keeps."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import FunctionInstance, FunctionReturn, FunctionStore
from gradguard.runtime import custom, text
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Instruction, expression_at, parsed
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_COUNT = re.compile(r"function (\w+)Backward returned an incorrect number of gradients \(expected (\d+), got (\d+)\)")
_LEGACY = "Legacy autograd function with non-static forward method"
_MOST_NODES = 2000
_LOOKS = 4
# What an attribute of a tensor that is kept for its own sake is used for (gradients added up by hand, and the like).
_IDENTITY = frozenset({"grad", "main_grad", "data", "grad_added_to_main_grad", "register_hook"})


class _Functions(Watcher):
    what = "custom Functions"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._looks = 0
        self._defined = custom.Defined()
        self._known: set[tuple[int, str]] = set()

    # What is kept on the context

    def entering(self, call: BackwardCall) -> None:
        if self._looks >= _LOOKS or not self._defined.any():
            return
        self._looks += 1
        for node in nodes_from(call.roots, _MOST_NODES):
            kind = getattr(type(node), "_forward_cls", None)
            if isinstance(kind, type):
                self._look(node, kind)

    def _look(self, node: Any, kind: type) -> None:
        if not self._defined.is_users(kind):
            return
        for attribute, value in list(vars(node).items()):
            if isinstance(value, torch.Tensor) and (id(kind), attribute) not in self._known:
                role = _role(node, value)
                if role is not None or value.requires_grad:
                    self._known.add((id(kind), attribute))
                    self._tell(kind, attribute, role)

    def _tell(self, kind: type, attribute: str, role: str | None) -> None:
        found = custom.class_of(kind)
        if found is None:
            return
        path, definition = found
        kept = _keeps(definition, attribute)
        if kept is None:
            return
        statement, context, name = kept
        role = role or _role_by_name(definition, name)
        if role is None:
            return
        self.guard.emit(
            FunctionStore(
                site=text.place(path, statement),
                function=kind.__name__,
                context=context,
                attribute=attribute,
                name=name,
                role=role,
            )
        )

    # What torch refuses

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        found = _COUNT.search(str(error))
        if found is None:
            return
        name, expected, given = found[1], int(found[2]), int(found[3])
        for path, definition in self._classes(name):
            backward = custom.method(definition, "backward")
            if backward is None:
                continue
            forward = custom.method(definition, "forward")
            event = FunctionReturn(
                site=custom.return_site(path, backward, given),
                function=name,
                inputs=expected,
                needed=expected,
                given=given,
                forward_at=None if forward is None else custom.name_site(path, forward),
            )
            self.guard.explain(error, event)
            return

    def _classes(self, name: str) -> Iterator[tuple[str, ast.ClassDef]]:
        """The classes of that name in the user's files: those that were seen come first."""
        seen = self.guard.sites.files()
        for path in (*sorted(seen), *sorted(_files_of(name) - seen)):
            tree = parsed(path)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, ast.ClassDef) and node.name == name:
                    yield path, node

    def escaped(self, error: BaseException) -> None:
        if not isinstance(error, RuntimeError) or _LEGACY not in str(error):
            return
        entry = last_user_entry(error, self.guard.sites)
        if entry is None:
            return
        frame = entry.tb_frame
        call = expression_at(frame.f_code, entry.tb_lasti)
        if not isinstance(call, ast.Call):
            return
        callee = call.func
        made = callee.func if isinstance(callee, ast.Call) else None
        kind = type(text.evaluate(callee, frame)) if made is None else text.evaluate(made, frame)
        if not isinstance(kind, type) or not issubclass(kind, torch.autograd.Function):
            return
        found = custom.class_of(kind)
        forward = None if found is None else custom.method(found[1], "forward")
        here = Instruction(id(frame.f_code), entry.tb_lasti)
        if forward is None or found is None or isinstance(inspect.getattr_static(kind, "forward"), staticmethod):
            event = FunctionInstance(site=here, function=kind.__name__)
        else:
            event = FunctionInstance(
                site=custom.name_site(found[0], forward), function=kind.__name__, method="forward", defined_at=here
            )
        self.guard.explain(error, event)


def _role(node: Any, value: torch.Tensor) -> str | None:
    """Whether the tensor that a node keeps is its own result, or what it was computed from."""
    if value.grad_fn is node:
        return "output"
    for following, position in node.next_functions:
        if following is None:
            continue
        if getattr(following, "variable", None) is value:
            return "input"
        if value.grad_fn is following and value.output_nr == position:
            return "input"
    return None


def _role_by_name(definition: ast.ClassDef, name: str) -> str | None:
    """What is computed inside of a forward needs no gradient; so what does is an input, if it has the name of one."""
    forward = custom.method(definition, "forward")
    names = [] if forward is None else [argument.arg for argument in forward.args.args]
    return "input" if name in names else None


def _files_of(name: str) -> set[str]:
    kinds = [kind for kind in torch.autograd.Function.__subclasses__() if kind.__name__ == name]
    codes = [custom.code_of(kind, "backward") for kind in kinds]
    return {code.co_filename for code in codes if code is not None}


def _keeps(definition: ast.ClassDef, attribute: str) -> tuple[ast.stmt, str, str] | None:
    """The statement that sets the attribute of the context, the context's name, and the text of the value."""
    used = {
        node.attr
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == attribute
    }
    if used & _IDENTITY:
        return None
    for method in (custom.method(definition, "forward"), custom.method(definition, "setup_context")):
        if method is None or not method.args.args:
            continue
        context = method.args.args[0].arg
        for statement in ast.walk(method):
            if not isinstance(statement, ast.Assign):
                continue
            for target, value in text.assigned_pairs(statement):
                if isinstance(target, ast.Attribute) and ast.unparse(target) == f"{context}.{attribute}":
                    return statement, context, text.source_of(value) or attribute
    return None


WATCHER = _Functions
