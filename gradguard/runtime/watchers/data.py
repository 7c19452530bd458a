"""Changes through `.data`, which autograd does not count: values that a backward needs and that were changed since.

Nothing tells of such a change when it happens. So in a program that writes through `.data` at all, each access to it in
the user's code leaves a small sample of the values behind, as long as the guard is attentive. If a later backward finds
other values there, and the graph has saved that storage before the access, the backward computes with changed values.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import Backward, GraphNode, SavedTensor, TensorWrite
from gradguard.runtime import edits, names, text
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.sites import Instruction, expression_at
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard
    from gradguard.runtime.patches import Patches

__all__ = ["WATCHER"]

# `w.data -= …`, `w.data[0] = …`, `w.data = …`, `w.data.mul_(…)`, and `x = w.data`, which may be changed later.
_WRITES = re.compile(
    rb"\.data\b\s*(\[[^\n]*\]\s*)?(([-+*/@|&^%]|\*\*|//|<<|>>)?=(?!=)|\.[a-z]\w*[a-z0-9]_\()|=[^=\n#]*\.data\s*(#.*)?$",
    re.MULTILINE,
)
_MOST = 256
_FEW = 16
_WHOLE = 4096
_SAMPLE = 1024
_PASSES = 3
_VISITS = 4
_new = tuple.__new__


@dataclass(slots=True)
class _Access:
    """The values of a tensor when its `.data` was taken. The sample is a copy, and the tensor is not held."""

    tensor: weakref.ref[Any]
    sample: Any
    version: int
    number: int
    here: Instruction
    passes: int = 0


class _Data(Watcher):
    what = "changes through .data"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._patches: Patches | None = None
        self._accesses: dict[tuple[int, Instruction], _Access] = {}
        self._number = getattr(getattr(torch._C, "_autograd", None), "_get_sequence_nr", None)
        self._searched: set[str] = set()
        self._installed = False
        self._reported = 0
        self._visits: dict[Instruction, int] = {}
        self._looks: dict[int, int] = {}  # from code objects
        self._give: Callable[[], None] | None = None
        self._take_away: Callable[[], None] | None = None

    def install(self, patches: Patches) -> None:
        self._patches = patches
        self._installed = False
        if self._number is None or not hasattr(torch._C, "TensorBase"):
            self.guard.unavailable(self.what)
            self._patches = None
            return
        paths = [getattr(sys.modules.get("__main__"), "__file__", None), self.guard.script]
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if self.guard.sites.is_user(frame.f_code):
                paths.append(frame.f_code.co_filename)
            frame = frame.f_back
        self._look_into(path for path in paths if path)

    def _look_into(self, paths: Iterator[str]) -> None:
        for path in paths:
            if self._installed or self._patches is None:
                return
            if path not in self._searched:
                self._searched.add(path)
                if _writes_through_data(path):
                    self._watch_data(self._patches)

    def _watch_data(self, patches: Patches) -> None:
        """Put a property of our own in front of the one of torch, until the end of the watch."""
        if "data" in vars(torch.Tensor):
            return  # somebody else's
        inner = vars(torch._C.TensorBase)["data"]
        read, write, guard = inner.__get__, inner.__set__, self.guard

        def get(tensor: Any) -> Any:
            if guard.attentive and patches.active:
                self._note(tensor, sys._getframe(1), read)
            return read(tensor)

        def put(tensor: Any, value: Any) -> None:
            if guard.attentive and patches.active:
                self._note(tensor, sys._getframe(1), read)
            write(tensor, value)

        ours = property(get, put, None, inner.__doc__)

        def give() -> None:
            if patches.active and "data" not in vars(torch.Tensor):
                torch.Tensor.data = ours  # type: ignore[assignment]

        def take_away() -> None:
            if vars(torch.Tensor).get("data") is ours:
                del torch.Tensor.data

        def restore() -> None:
            self._installed = False
            self._give = self._take_away = None
            take_away()

        give()
        self._installed = True
        self._give, self._take_away = give, take_away
        patches.at_end(restore)

    def _may_look(self, code: CodeType, tensor: Any) -> bool:
        guard = self.guard
        return (
            not guard.depth
            and self in guard.watchers
            and guard.sites.is_user(code)
            and type(tensor) in (torch.Tensor, torch.nn.Parameter)
            and not torch.compiler.is_compiling()
            and not guard.elsewhere()
        )

    def _note(self, tensor: Any, frame: FrameType, read: Callable[[Any], Any]) -> None:
        code = frame.f_code
        here = _new(Instruction, (id(code), frame.f_lasti))
        visits = self._visits[here] = self._visits.get(here, 0) + 1
        if visits > _VISITS and visits & (visits - 1):
            return  # a line that is at fault is so in most of its turns
        try:
            sample = _sample(read(tensor)) if self._may_look(code, tensor) else None
            if sample is None or self._number is None:
                return
            if len(self._accesses) >= _MOST:
                self._accesses.clear()
            self._accesses[id(tensor), here] = _Access(
                weakref.ref(tensor), sample, tensor._version, self._number(), here
            )
        except Exception as error:
            self.guard.drop(self)
            self.guard.trouble(self.what, error)

    def rest(self) -> None:
        self._accesses.clear()
        if self._take_away is not None:
            self._take_away()  # while nobody looks, an access costs nothing

    def attend(self) -> None:
        if self._give is not None:
            self._give()

    def finish(self) -> None:
        self._accesses.clear()

    def optimizer_created(self, optimizer: torch.optim.Optimizer) -> None:
        if not self._installed:
            self._look_into(iter(self.guard.sites.files()))

    def entering(self, call: BackwardCall) -> None:
        if not self._installed:
            # Each frame leads to the files that define what it sees; again, since more is defined as time goes on.
            if call.frame is not None and self._is_time(call.frame.f_code):
                self._look_into(iter(edits.files_in_sight(call.frames, self.guard.sites)))
            return
        if not self._accesses:
            return
        changed: dict[int, _Access] = {}
        for key, access in list(self._accesses.items()):
            tensor = access.tensor()
            access.passes += 1
            if tensor is None or tensor._version != access.version:
                del self._accesses[key]
            elif _differs(tensor, access.sample):
                changed.setdefault(tensor.untyped_storage().data_ptr(), access)
            elif access.passes >= _PASSES:
                del self._accesses[key]
        if changed:
            self._search(call, changed)
            for key, access in list(self._accesses.items()):
                if access.passes >= _PASSES:
                    del self._accesses[key]

    def _is_time(self, code: CodeType) -> bool:
        looks = self._looks[id(code)] = self._looks.get(id(code), 0) + 1
        return looks & (looks - 1) == 0 and looks.bit_length() % 3 == 1  # 1, 8, 64, …

    def _search(self, call: BackwardCall, changed: dict[int, _Access]) -> None:
        """Whether the graph has saved one of these storages before `.data` was taken."""
        latest = max(access.number for access in changed.values())
        for node in nodes_from(call.roots):
            if node._sequence_nr() >= latest:
                continue
            for attribute in dir(node):
                if not attribute.startswith("_raw_saved_"):
                    continue
                for pointer in _pointers(node, attribute):
                    access = changed.get(pointer)
                    if access is not None and node._sequence_nr() < access.number:
                        self._tell(call, access, node)
                        return

    def _tell(self, call: BackwardCall, access: _Access, saving: Any) -> None:
        guard = self.guard
        code = guard.sites.codes[access.here.code]
        expression = expression_at(code, access.here.offset)
        owner = expression.value if isinstance(expression, ast.Attribute) else None
        name = "" if owner is None else text.source_of(owner)
        self._reported += 1
        tensor = "data", self._reported
        guard.ledger.version(tensor)
        guard.ledger.record(
            TensorWrite(site=access.here, name=name, operation=".data", tensors=frozenset([tensor]), hidden=True)
        )
        node = GraphNode(
            id=("saving", tensor),
            operation=names.operation(saving),
            site=guard.places.made(saving),
            saves=False,
            saved=(SavedTensor(tensor, 0, name),),
        )
        guard.emit(Backward(site=call.here, name="", graph=(node,), keeps_graph=None, accumulates=False))
        guard.ledger.forget(tensor)


@functools.lru_cache(maxsize=1024)
def _writes(path: str, changed: int, size: int) -> bool:
    """Whether a file writes through `.data`. The answer holds until the file changes."""
    del changed, size
    try:
        with open(path, "rb") as file:
            return _WRITES.search(file.read()) is not None
    except (OSError, ValueError):
        return False


def _writes_through_data(path: str) -> bool:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return _writes(path, found.st_mtime_ns, found.st_size)


def _sample(values: Any) -> Any:
    """A copy of some of the values, as text or bytes, so that nan equals nan. None for what has no plain values."""
    if values.layout is not torch.strided or values.is_quantized or values.numel() == 0 or values.is_meta:
        return None
    if values.numel() <= _FEW and values.device.type == "cpu":
        return str(values.tolist())
    with torch.no_grad():
        if values.numel() <= _WHOLE:
            flat = values.reshape(-1)
        elif values.is_contiguous():
            flat = values.view(-1)[:: max(1, values.numel() // _SAMPLE)]
        else:
            return None
        return flat.clone(memory_format=torch.contiguous_format).view(torch.uint8)


def _differs(tensor: Any, sample: Any) -> bool:
    now = _sample(vars(torch._C.TensorBase)["data"].__get__(tensor))
    if isinstance(now, str) or isinstance(sample, str):
        return bool(now != sample)
    return now is None or now.shape != sample.shape or not torch.equal(now, sample)


def _pointers(node: Any, attribute: str) -> Iterator[int]:
    try:
        raw = getattr(node, attribute)
    except RuntimeError:  # freed
        return
    for saved in raw if isinstance(raw, (list, tuple)) else (raw,):
        try:
            value = saved.data
        except (RuntimeError, AttributeError):
            continue
        if isinstance(value, torch.Tensor) and value.layout is torch.strided:
            yield value.untyped_storage().data_ptr()


WATCHER = _Data
