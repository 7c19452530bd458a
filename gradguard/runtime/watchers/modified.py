"""Changes in place that torch refuses: of a leaf, and of a value that a backward still needs."""

from __future__ import annotations

import ast
import itertools
import re
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import Backward, GraphNode, SavedTensor, TensorWrite
from gradguard.runtime import edits, names, text
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Instruction, Place, expression_at, parsed
from gradguard.runtime.watcher import Watcher

if TYPE_CHECKING:
    from torch import Tensor

    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_MODIFIED = "modified by an inplace operation"
_LEAF = "a leaf Variable that requires grad is being used in an in-place operation"


@dataclass(frozen=True, slots=True)
class _Change:
    """A tensor that a node has saved and that was changed since. It is held no longer than the diagnosis takes."""

    node: Any
    attribute: str
    tensor: Tensor
    producer: Any
    version: int  # when it was saved

    @property
    def pointer(self) -> int:
        return self.tensor.untyped_storage().data_ptr()


class _Modified(Watcher):
    what = "changes in place"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._numbers = itertools.count()
        self._steps: dict[int, tuple[weakref.ref[Any], Instruction | None]] = {}

    def stepped(
        self, optimizer: torch.optim.Optimizer, here: Instruction | None, frame: FrameType | None, depth: int
    ) -> None:
        key = id(optimizer)
        if key not in self._steps and len(self._steps) > 64:
            self._steps = {k: entry for k, entry in self._steps.items() if entry[0]() is not None}
        self._steps[key] = weakref.ref(optimizer), here

    # A backward that finds a value changed

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        if _MODIFIED not in str(error):
            return
        change = _first_change(roots)
        if change is None:
            return
        guard = self.guard
        here = Instruction(id(frame.f_code), frame.f_lasti)
        tensor = "modified", next(self._numbers)
        guard.ledger.version(tensor)
        parameter = _parameter(roots, change)
        step = None if parameter is None else self._step_of(parameter, frame)
        operation = names.operation(change.node)
        saved_at: Place | None = None
        if step is not None and parameter is not None:
            site, optimizer = step
            found = names.parameter_names([parameter], frame, guard.sites)
            name = found[0] if found else "a parameter"
            write = TensorWrite(
                site=site or here, name="", operation="step", tensors=frozenset([tensor]), optimizer=optimizer
            )
        elif (wrote := guard.places.written(change.tensor, change.version)) is not None:
            edit, shown = _edit_of(wrote[0], wrote[1], guard)
            if edit is None:
                likely = self._likely(change, roots, frame, operation, of_parameter=parameter is not None)
                if likely is not None and not likely.target:  # the layer changes in place because it was made so
                    edit, shown = likely, likely.shown
            name = self._name(change, edit, frame)
            write = TensorWrite(
                site=wrote[0] if edit is None else edit.site,
                name=name if edit is None or not edit.target else edit.root,
                operation=shown,
                tensors=frozenset([tensor]),
            )
        else:
            edit = self._likely(change, roots, frame, operation, of_parameter=parameter is not None)
            name = self._name(change, edit, frame)
            saved_at = edits.place_of_operation(edit, operation)
            write = TensorWrite(
                site=here if edit is None else edit.site,
                name=name if edit is None else edit.root if edit.target else name,
                operation="" if edit is None else edit.shown,
                tensors=frozenset([tensor]),
            )
        guard.ledger.record(write)
        node = GraphNode(
            id=("saving", tensor),
            operation=operation,
            site=guard.places.made(change.node) or saved_at,
            saves=False,
            saved=(SavedTensor(tensor, 0, name, is_parameter=parameter is not None),),
        )
        loss = text.receiver(frame.f_code, frame.f_lasti, "backward")
        guard.explain(error, Backward(site=here, name=loss, graph=(node,), keeps_graph=None, accumulates=False))
        guard.ledger.forget(tensor)

    def _likely(
        self, change: _Change, roots: Sequence[Any], frame: FrameType, saving: str, *, of_parameter: bool
    ) -> edits.Edit | None:
        """The statement that has most likely changed the tensor, as the text has it."""
        wanted = _consumers(roots, change)
        return edits.find(
            change.pointer, frame, self.guard.sites, consumers=wanted, saving=saving, of_parameter=of_parameter
        )

    def _name(self, change: _Change, edit: edits.Edit | None, frame: FrameType) -> str:
        if edit is not None and edit.target:
            return edit.root
        held = edits.holders(change.pointer, frame, self.guard.sites)
        return next((name for found in held.values() for name in sorted(found)), "")

    def _step_of(self, parameter: Tensor, frame: FrameType) -> tuple[Place | None, str] | None:
        """The last step of the optimizer that owns the parameter, and the name of the optimizer."""
        owner = None
        for reference, site in self._steps.values():
            optimizer = reference()
            if optimizer is not None and _owns(optimizer, parameter):
                name = names.name_in_frames(optimizer, frame, self.guard.sites) or "optimizer"
                return site, name
        for user in self.guard.sites.user_frames(frame):
            tree = text.scope(user.f_code)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step":
                    owner = text.evaluate(node.func.value, user)
                    if isinstance(owner, torch.optim.Optimizer) and _owns(owner, parameter):
                        return text.place(user.f_code.co_filename, node), ast.unparse(node.func.value)
        return None

    # A leaf

    def escaped(self, error: BaseException) -> None:
        said = str(error)
        if not isinstance(error, RuntimeError) or _LEAF not in said:
            return
        entry = last_user_entry(error, self.guard.sites)
        if entry is None:
            return
        code = entry.tb_frame.f_code
        edit = _edit_at(code.co_filename, entry.tb_lineno)
        site: Place = Instruction(id(code), entry.tb_lasti)
        name, shown = ("", "this") if edit is None else (edit.target, edit.shown)
        if edit is not None:
            site = edit.site
        self.guard.explain(
            error,
            TensorWrite(
                site=site,
                name=name,
                operation=shown,
                is_leaf=True,
                requires_grad=True,
                recorded=True,
                is_view=said.startswith("a view"),
                uses_gradient=edit is not None and ".grad" in ast.unparse(edit.node),
            ),
        )


def _edit_of(site: Instruction, name: str, guard: Guard) -> tuple[edits.Edit | None, str]:
    """The statement or call that has changed a tensor, and how it is written."""
    code = guard.sites.codes[site.code]
    node = expression_at(code, site.offset)
    line = text.instruction_line(guard.sites, site)
    path = code.co_filename
    near = edits.edits_in(path) if line is not None and parsed(path) is not None else []
    near = [edit for edit in near if edit.node.lineno <= (line or 0) <= (edit.node.end_lineno or 0)]
    exact = [edit for edit in near if edit.node is node or edit.operation == name.strip("_").removeprefix("i")]
    found = exact or near
    if found:
        return found[0], found[0].shown
    shown = ast.unparse(node.func).rsplit(".", 1)[-1] if isinstance(node, ast.Call) else name
    return None, f"{shown}()"


def _edit_at(path: str, line: int) -> edits.Edit | None:
    if parsed(path) is None:
        return None
    found = [edit for edit in edits.edits_in(path) if edit.node.lineno <= line <= (edit.node.end_lineno or 0)]
    return min(found, key=lambda edit: (edit.node.end_lineno or 0) - edit.node.lineno, default=None)


def _owns(optimizer: torch.optim.Optimizer, parameter: Tensor) -> bool:
    return any(owned is parameter for group in optimizer.param_groups for owned in group["params"])


# --- the graph -------------------------------------------------------------------------------------------------------


def _first_change(roots: Sequence[Any]) -> _Change | None:
    """The first tensor, from the root, that was changed after a node saved it."""
    for node in nodes_from(roots):
        for attribute, index, value, version in _changed_in(node):
            producer = _producer(node, attribute, index)
            return _Change(node, attribute, value, producer, version)
    return None


def _changed_in(node: Any) -> Iterator[tuple[str, int | None, Tensor, int]]:
    for name in dir(node):
        version = _version_before_the_change(node, name) if name.startswith("_saved_") else None
        if version is None:
            continue
        raw = getattr(node, f"_raw{name}", None)
        for index, saved in enumerate(raw if isinstance(raw, (list, tuple)) else (raw,)):
            value = getattr(saved, "data", None)  # does not compare versions
            if isinstance(value, torch.Tensor):
                yield name.removeprefix("_saved_"), index if isinstance(raw, (list, tuple)) else None, value, version


def _version_before_the_change(node: Any, name: str) -> int | None:
    """The version of a saved tensor when it was saved, if it was changed since; -1 where torch does not tell."""
    try:
        getattr(node, name)
    except RuntimeError as error:
        found = re.search(r"expected version (\d+)", str(error))
        if _MODIFIED in str(error):
            return int(found[1]) if found else -1
    return None


def _producer(node: Any, attribute: str, index: int | None) -> Any:
    """The node whose result the tensor is, as far as the graph tells."""
    if attribute in ("result", "output"):
        return node
    following = [successor for successor, _ in node.next_functions if successor is not None]
    position = {"self": 0, "input": 0, "mat1": 0, "other": 1, "mat2": 1, "weight": 1}.get(attribute, index)
    if position is not None and position < len(node.next_functions):
        return node.next_functions[position][0]
    return following[0] if len(following) == 1 else None


def _consumers(roots: Sequence[Any], change: _Change) -> set[str]:
    """The operations that take the tensor in: if it was changed while autograd recorded, the change is one of them."""
    producer = change.producer
    if producer is None or type(producer).__name__ == "AccumulateGrad":
        return set()
    found = set()
    for node in nodes_from(roots):
        if node is not change.node and any(successor is producer for successor, _ in node.next_functions):
            found.add(names.operation(node))
    return found


def _parameter(roots: Sequence[Any], change: _Change) -> Tensor | None:
    """The leaf whose storage the tensor lies in."""
    pointer = change.pointer
    for node in nodes_from(roots):
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.Tensor) and variable.untyped_storage().data_ptr() == pointer:
            return variable
    return None


WATCHER = _Modified
