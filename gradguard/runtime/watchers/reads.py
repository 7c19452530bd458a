"""Reads of `.grad` of a non-leaf, and the errors that follow where a parameter's name was rebound."""

from __future__ import annotations

import re
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import GradRead
from gradguard.runtime import names, text
from gradguard.runtime.explain import last_user_entry
from gradguard.runtime.forwarding import FORWARDER
from gradguard.runtime.sites import Instruction, SourceLine, expression_at
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from torch import Tensor

    from gradguard.runtime.guard import Guard
    from gradguard.runtime.patches import Patches

__all__ = ["WATCHER"]

_NO_GRAPH = "does not require grad and does not have a grad_fn"
_NON_LEAF = "The .grad attribute of a Tensor that is not a leaf Tensor"


class _Reads(Watcher):
    what = "reads of .grad"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self.push: Callable[[], None] = _nothing

    def install(self, patches: Patches) -> None:
        _install_warnings(self, patches)

    def entering(self, call: BackwardCall) -> None:
        self.push()

    def non_leaf_read(self, frame: FrameType) -> None:
        """torch has warned of a read of `.grad` of a non-leaf in this frame."""
        code = frame.f_code
        if not self.guard.sites.is_user(code):
            return
        node = expression_at(code, frame.f_lasti)
        owner = text.grad_owner(code, frame.f_lasti)
        if owner is None and node is not None:
            return  # `hasattr(t, "grad")` and its kin
        self._read(Instruction(id(code), frame.f_lasti), frame, owner, None, None)

    def failed(self, error: BaseException, roots: Sequence[Any], frame: FrameType) -> None:
        """A backward that once had a graph has none now: a parameter may have been rebound."""
        read = lost_parameter(self.guard, frame) if _NO_GRAPH in str(error) else None
        if read is not None:
            self.guard.explain(error, read)

    def escaped(self, error: BaseException) -> None:
        if isinstance(error, (AttributeError, TypeError)) and "NoneType" in str(error):
            self._missing_gradient(error)
        elif isinstance(error, TypeError) and "as parameter" in str(error):
            self._refused_parameter(error)

    def _refused_parameter(self, error: BaseException) -> None:
        """A module does not let a plain tensor take the place of its parameter."""
        last = last_user_entry(error, self.guard.sites)
        found = None if last is None else text.rebinding(last.tb_frame.f_code, None)
        if last is None or found is None or not found[0].line <= last.tb_lineno <= found[0].end_line:
            return
        site = Instruction(id(last.tb_frame.f_code), last.tb_lasti)
        read = GradRead(site=site, name=found[1], is_leaf=False, requires_grad=True, rebound_at=found[0])
        self.guard.explain(error, read)

    def _missing_gradient(self, error: BaseException) -> None:
        last = last_user_entry(error, self.guard.sites)
        if last is None:
            return
        code = last.tb_frame.f_code
        owner = text.grad_owner(code, last.tb_lasti)
        tensor = None if owner is None else text.evaluate(owner, last.tb_frame)
        if owner is None or not isinstance(tensor, torch.Tensor) or (tensor.is_leaf and tensor.requires_grad):
            return
        site = Instruction(id(code), last.tb_lasti)
        self._read(site, last.tb_frame, owner, tensor, error)

    def _read(
        self, site: Instruction, frame: FrameType, owner: Any, tensor: Tensor | None, error: BaseException | None
    ) -> None:
        code = frame.f_code
        value: Any = tensor if tensor is not None else (None if owner is None else text.evaluate(owner, frame))
        name = "" if owner is None else text.source_of(owner)
        line = text.instruction_line(self.guard.sites, site)
        rebound = text.rebinding(code, name) if name else None
        if rebound is None and name and line is not None:
            rebound = text.rebound_later_in_loop(code, name, line)
        is_tensor = isinstance(value, torch.Tensor)
        if rebound is not None and is_tensor and self._was_another(code, rebound[0], line, value):
            rebound = None
        event = GradRead(
            site=site,
            name=name,
            is_leaf=value.is_leaf if is_tensor and error is not None else False,
            requires_grad=value.requires_grad if is_tensor and error is not None else True,
            retains_grad=False,
            operation=names.operation(value.grad_fn) if is_tensor and value.grad_fn is not None else "",
            made_at=self._made_at(value) or (text.assignment(code, name, line) if name.isidentifier() else None),
            rebound_at=None if rebound is None else rebound[0],
        )
        if error is None:
            self.guard.emit(event)
        elif rebound is not None:
            self.guard.explain(error, event)

    def _was_another(self, code: CodeType, rebound: SourceLine, line: int | None, value: Tensor) -> bool:
        """Whether the tensor is not the result of the rebinding, which has not run yet, but of something else."""
        if value.grad_fn is None or line is None or rebound.path != code.co_filename:
            return False
        made = self.guard.places.made(value.grad_fn)
        if made is not None and self.guard.sites.codes[made.code] is code:
            return not rebound.line <= (text.instruction_line(self.guard.sites, made) or 0) <= rebound.end_line
        return text.makes_another(code, rebound, names.operation(value.grad_fn))

    def _made_at(self, value: Any) -> Any:
        is_result = self.guard.places.traced and isinstance(value, torch.Tensor)
        return self.guard.places.made(value.grad_fn) if is_result else None


WATCHER = _Reads


def lost_parameter(guard: Guard, frame: FrameType) -> GradRead | None:
    """The rebinding of a parameter after which a backward has no graph any more, if that is what happened."""
    here, sites = Instruction(id(frame.f_code), frame.f_lasti), guard.sites
    if not torch.is_grad_enabled() or not any(past[1] == here for past in guard.past):
        return None
    codes = [frame.f_code, *(code for code in sites.codes.values() if sites.is_user(code))]
    for code in {code.co_filename: code for code in reversed(codes)}.values():
        found = text.rebinding(code, None, anywhere=True)
        if found is not None:
            place, name = found
            return GradRead(site=here, name=name, is_leaf=True, requires_grad=False, rebound_at=place)
    return None


def _install_warnings(reads: _Reads, patches: Patches) -> None:
    before = warnings.showwarning
    shown: set[tuple[str, str, int]] = set()
    entry = ("always", re.compile(re.escape(_NON_LEAF)), UserWarning, None, 0)
    thread = threading.get_ident()

    def showwarning(
        message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        if patches.active and str(message).startswith(_NON_LEAF):
            if threading.get_ident() == thread:
                _tell(reads, filename, lineno)
            action = _action_without(entry, message, category, lineno)
            key = str(message), filename, lineno
            if action == "ignore" or (action != "always" and key in shown):
                return
            shown.add(key)
        before(message, category, filename, lineno, file, line)

    if _action_without(entry, UserWarning(_NON_LEAF), UserWarning, 0) == "error":
        return
    warnings.showwarning = showwarning

    def push() -> None:
        """The user, sympy and others put filters of their own in front."""
        filters = _filters()
        if filters and filters[0] is entry:
            return
        if _action_without(entry, UserWarning(_NON_LEAF), UserWarning, 0) != "error":
            pull()
            filters.insert(0, entry)
            _filters_mutated()

    def pull() -> None:
        filters = _filters()
        while entry in filters:
            filters.remove(entry)
            _filters_mutated()

    def restore() -> None:
        reads.push = _nothing
        if warnings.showwarning is showwarning:
            warnings.showwarning = before
        pull()

    push()
    reads.push = push
    patches.at_end(restore)


def _nothing() -> None:
    return None


def _filters() -> list[Any]:
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    return filters


def _filters_mutated() -> None:
    mutated = getattr(warnings, "_filters_mutated", None) or getattr(warnings, "_filters_mutated_lock_held", None)
    if mutated is not None:
        try:
            mutated()
        except RuntimeError:  # a version that wants a lock to be held
            return


def _action_without(own: Any, message: Any, category: Any, lineno: int) -> str:
    """What the user's own filters would do with the warning."""
    for entry in warnings.filters:
        if entry is own:
            continue
        action, pattern, kind, module, line = entry
        if (
            (pattern is None or re.match(pattern, str(message)))
            and issubclass(category, kind)
            and module is None
            and line in (0, lineno)
        ):
            return action
    return warnings.defaultaction  # type: ignore[attr-defined, no-any-return]


def _tell(reads: _Reads, filename: str, lineno: int) -> None:
    try:
        frame = sys._getframe(2)
        for _ in range(8):
            own = frame.f_code.co_name == FORWARDER
            if not own and frame.f_code.co_filename == filename and frame.f_lineno == lineno:
                reads.non_leaf_read(frame)
                return
            if frame.f_back is None:
                return
            frame = frame.f_back
    except Exception as error:
        reads.guard.trouble(reads.what, error)
