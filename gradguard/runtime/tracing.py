"""The deeper mode: sees each call of torch, and notes where results were made, cut from their graph, and changed.

A mode of `__torch_function__` calls the function and then looks at what came out; no number can change. What it notes
is a mark of two numbers in the metadata of a graph's node, which dies with the node; a record for each tensor without a
graph that was computed from one with a graph, which dies with the tensor; and the last few writes to a storage.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode, handle_torch_function

from gradguard.events import Cut
from gradguard.runtime import cutting
from gradguard.runtime.cutting import Ran
from gradguard.runtime.forwarding import Forwarders
from gradguard.runtime.places import Places
from gradguard.runtime.sites import Instruction

if TYPE_CHECKING:
    from torch import Tensor

    from gradguard.runtime.guard import Guard
    from gradguard.runtime.patches import Patches

__all__ = ["Tracer"]

_NEEDED = (
    "_pop_torch_function_stack",
    "_push_on_torch_function_stack",
    "_get_function_stack_at",
    "_len_torch_function_stack",
)
_HANDLES = handle_torch_function.__code__
_MOST_NODES = 256  # of one call
_MOST_ARGUMENTS = 64
_MOST_STORAGES = 8192
_MOST_WRITES = 16
_MOST_NUMBERS = 4096
_MOST_CALLERS = 12
# Properties that give a tensor; the others tell facts.
_VALUES = frozenset({"data", "T", "mT", "H", "mH", "real", "imag"})
_NUMBERS = frozenset({"item", "tolist", "__float__", "__int__", "__index__", "__complex__"})
_GIVES_LEAF = frozenset({"requires_grad_", "tensor", "as_tensor", "full", "asarray"})
_names = itertools.count()


class _Mode(TorchFunctionMode):
    """What torch calls; everything is done by the tracer."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        frame = sys._getframe(1)
        if frame.f_code is _HANDLES and frame.f_back is not None and frame.f_back.f_back is not None:
            frame = frame.f_back.f_back  # the function of torch that has handed over, and its caller
        return self.tracer.call(frame, func, args, kwargs or {})


class Tracer(Places):
    """One for a guard. It is active in the thread that has installed it."""

    traced = True

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._key = f"gradguard made {next(_names)}"
        self._forward = Forwarders().call
        self._number: Callable[[], int] | None = getattr(getattr(torch._C, "_autograd", None), "_get_sequence_nr", None)
        self._functorch = getattr(getattr(torch._C, "_functorch", None), "peek_interpreter_stack", None)
        self._mode = _Mode(self)
        self._active = False
        self._thread = 0
        self._process = 0
        self._hidden: int | None = None  # the place in the stack that the mode was taken from
        self._off_at: Instruction | None = None  # where gradients were last switched off
        self._cuts: dict[int, tuple[weakref.ref[Any], Ran]] = {}
        self._leaves: dict[int, tuple[weakref.ref[Any], Ran, Ran]] = {}
        self._arrays: OrderedDict[int, tuple[weakref.ref[Any], Ran]] = OrderedDict()
        self._floats: OrderedDict[float, Ran | None] = OrderedDict()
        self._writes: OrderedDict[int, deque[tuple[int, int, Instruction, str]]] = OrderedDict()

    # Beginning and end

    def install(self, patches: Patches) -> None:
        if self._number is None or not all(hasattr(torch._C, name) for name in _NEEDED):
            self.guard.unavailable("where operations are called (--trace)")
            return
        self._thread, self._process = threading.get_ident(), os.getpid()
        self._hidden = None
        dynamo: Any = None
        with contextlib.suppress(Exception):  # an installation without it compiles nothing
            dynamo = importlib.import_module("torch._dynamo.eval_frame")
        if dynamo is not None:
            patches.patch(dynamo, "_maybe_set_eval_frame", self._around_compiling, "torch.compile (--trace)")
        patches.patch(torch.overrides, "has_torch_function", self._as_if_there_were_no_mode, "fast paths (--trace)")
        patches.patch(torch.autograd, "_engine_run_backward", self.unseen, "the backward pass (--trace)")
        self._active = True
        torch._C._push_on_torch_function_stack(self._mode)
        patches.at_end(self.remove)

    def remove(self) -> None:
        self._active = False
        if threading.get_ident() == self._thread and os.getpid() == self._process:
            self._hide()
            self._hidden = None

    def _hide(self) -> bool:
        """Take the mode out of the stack of modes. Whether it was there."""
        core = torch._C
        above = []
        size = core._len_torch_function_stack()
        if not any(core._get_function_stack_at(index) is self._mode for index in range(size)):
            return False
        while (top := core._pop_torch_function_stack()) is not self._mode:
            above.append(top)
        self._hidden = core._len_torch_function_stack()
        while above:
            core._push_on_torch_function_stack(above.pop())
        return True

    def _show(self) -> None:
        """Put it back to where it was."""
        if self._hidden is None or not self._active:
            return
        core = torch._C
        above = []
        while core._len_torch_function_stack() > self._hidden:
            above.append(core._pop_torch_function_stack())
        core._push_on_torch_function_stack(self._mode)
        while above:
            core._push_on_torch_function_stack(above.pop())
        self._hidden = None

    def _here(self) -> bool:
        return self._active and threading.get_ident() == self._thread

    def _around_compiling(self, original: Any) -> Any:
        """Code that is compiled does not see the mode: it would be compiled too, and nothing would match.

        With a callback, what follows is compiled; without one it is not, unless it helps to compile at this moment.
        """

        def _maybe_set_eval_frame(callback: Any) -> Any:
            if self._here():
                if callback is not None:
                    self._hide()
                elif torch._guards.CompileContext.try_get() is None:
                    self._show()
            return original(callback)

        return _maybe_set_eval_frame

    def _as_if_there_were_no_mode(self, original: Any) -> Any:
        """Layers ask it before they take a shortcut, which gives slightly different numbers."""

        def has_torch_function(*args: Any) -> Any:
            if not self._here() or not self._hide():
                return original(*args)
            try:
                return original(*args)
            finally:
                self._show()

        return has_torch_function

    def unseen(self, original: Any) -> Any:
        """A backward runs without the mode: what it compiles or calls is not the forward pass."""

        def _engine_run_backward(*args: Any, **kwargs: Any) -> Any:
            if not self._here() or not self._hide():
                return original(*args, **kwargs)
            try:
                return original(*args, **kwargs)
            finally:
                self._show()

        return _engine_run_backward

    # Each call

    def call(self, frame: FrameType, function: Any, args: Any, kwargs: Any) -> Any:
        name = getattr(function, "__name__", "")
        of = ""
        if name in ("__get__", "__set__"):
            of = getattr(getattr(function, "__self__", None), "__name__", "")
            if of not in _VALUES and (of != "requires_grad" or name == "__get__"):
                return self._forward(frame, function, args, kwargs) if of == "grad" else function(*args, **kwargs)
        if name == "_set_grad_enabled" and self._active and args and args[0] is False:
            self._off_at = self.guard.sites.instruction(frame)
        if not self._looks(name):
            return self._forward(frame, function, args, kwargs)
        assert self._number is not None
        inputs = list(_tensors((args, kwargs)))
        before, versions = self._number(), [_version(tensor) for tensor in inputs]
        result = self._forward(frame, function, args, kwargs)
        try:
            self._note(frame, of or name, name == "__set__", args, kwargs, inputs, versions, before, result)
        except Exception as error:
            self._active = False
            self.guard.trouble("where operations are called (--trace)", error)
        return result

    def _looks(self, name: str) -> bool:
        if not self._active or name.startswith(("_foreach_", "_fused_", "_set_grad")) or self.guard.depth:
            return False
        if torch.compiler.is_compiling() or os.getpid() != self._process:
            return False
        return self._functorch is None or self._functorch() is None

    def _note(
        self,
        frame: FrameType,
        name: str,
        sets: bool,
        args: Any,
        kwargs: Any,
        inputs: list[Tensor],
        versions: list[int],
        before: int,
        result: Any,
    ) -> None:
        changed = [tensor for tensor, version in zip(inputs, versions, strict=True) if _version(tensor) != version]
        outputs = list(_tensors(result))
        if result is None or sets:
            outputs = [*inputs[:1], *changed]
        assert self._number is not None
        made = self._number() > before and any(tensor.grad_fn is not None for tensor in outputs)
        source = self._source(inputs)
        lost = source is not None and not (outputs and all(tensor.requires_grad for tensor in outputs))
        finds_number = source is None and (name in _GIVES_LEAF or not inputs) and not made
        releafs = (name == "requires_grad" and sets) or name in _GIVES_LEAF
        if not (made or changed or lost or finds_number or releafs):
            return
        user = self.guard.sites.user_frame(frame)
        if user is None:
            return
        here = Instruction(id(user.f_code), user.f_lasti)
        if made:
            self._mark(outputs, before, here)
        for tensor, version in zip(inputs, versions, strict=True):
            if (now := _version(tensor)) != version:
                self._wrote(tensor, version, now, here, name)
        if source is None and finds_number:
            source = self._of_plain_values((args, kwargs))
        if source is not None:
            self._lost(source, frame, user, here, name, result, outputs)
        if releafs:
            self._releafed(name, here, source, outputs)

    def _mark(self, outputs: list[Tensor], before: int, here: Instruction) -> None:
        """The nodes that this call has made: those below its results that are not older than it."""
        queue = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
        seen = set(queue)
        for node in queue:
            if len(seen) > _MOST_NODES or hasattr(node, "variable") or node._sequence_nr() < before:
                continue
            node.metadata.setdefault(self._key, here)  # type: ignore[attr-defined]
            for following, _ in node.next_functions:
                if following is not None and following not in seen:
                    seen.add(following)
                    queue.append(following)

    def made(self, node: Any) -> Instruction | None:
        found: Instruction | None = None if node is None else node.metadata.get(self._key)
        return found

    # Cuts

    def _source(self, inputs: list[Tensor]) -> Ran | bool | None:
        """What the first input that trains has been cut by; True where it still has its graph. None if none trains."""
        attached = False
        for tensor in inputs:
            if tensor.requires_grad:
                attached = True
            elif (ran := self._ran(tensor)) is not None:
                return ran
        return True if attached else None

    def _ran(self, tensor: Tensor) -> Ran | None:
        known = self._cuts.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        return self._of_array(_pointer(tensor)) if self._arrays else None

    def _of_plain_values(self, values: Any) -> Ran | None:
        """Numbers and arrays that were taken out of a tensor before."""
        found = next(filter(None, map(self._floats.get, _plain(values))), None)
        return found or next(filter(None, (self._of_array(_address(array)) for array in _arrays(values))), None)

    def _of_array(self, address: int) -> Ran | None:
        """As long as the array lives, its memory is no other's."""
        known = self._arrays.get(address)
        return known[1] if known is not None and known[0]() is not None else None

    def _lost(
        self,
        source: Ran | bool,
        frame: FrameType,
        user: FrameType,
        here: Instruction,
        name: str,
        result: Any,
        outputs: list[Tensor],
    ) -> None:
        ran = source if isinstance(source, Ran) else None
        for tensor in outputs:
            if tensor.requires_grad:
                continue
            if ran is None:
                ran = self._new(name, frame, user, here)
            key = id(tensor)
            if self._ran(tensor) is None:
                self._cuts[key] = weakref.ref(tensor, self._forgets(self._cuts, key)), ran
        if name in _NUMBERS:
            ran = ran or self._new(name, frame, user, here)
            for value in _plain(result):
                known = self._floats.get(value, ran)
                same = known is not None and known.calls[0] == ran.calls[0]
                _remember(self._floats, value, ran if same else None, _MOST_NUMBERS)
        elif name in ("numpy", "__array__"):
            ran = ran or self._new(name, frame, user, here)
            for array in _arrays(result):
                _remember(self._arrays, _address(array), (weakref.ref(array), ran), _MOST_NUMBERS)

    def _new(self, name: str, frame: FrameType, user: FrameType, here: Instruction) -> Ran:
        callers: tuple[Instruction, ...] = (here,)
        off = not torch.is_grad_enabled()
        if off:
            callers = (here, *self.guard.sites.calls(user, _MOST_CALLERS))
        return Ran(name, callers, off, cutting.is_sampling(frame), self._off_at if off else None)

    def _forgets(self, table: dict[int, Any], key: int) -> Callable[[Any], None]:
        def forget(reference: Any) -> None:
            known = table.get(key)
            if known is not None and known[0] is reference:
                del table[key]

        return forget

    def cut(self, tensor: Any) -> Cut | None:
        ran = self._ran(tensor) if isinstance(tensor, torch.Tensor) else None
        return None if ran is None else cutting.as_cut(ran, self.guard.sites)

    # Leaves

    def _releafed(self, name: str, here: Instruction, source: Any, outputs: list[Tensor]) -> None:
        for tensor in outputs:
            if not tensor.requires_grad or tensor.grad_fn is not None:
                continue
            ran = self._ran(tensor) or (source if isinstance(source, Ran) else None)
            maker = Ran(name, (here,), False, False)
            if ran is None and source is True and name not in ("requires_grad", "requires_grad_"):
                ran = maker
            key = id(tensor)
            if ran is not None:
                self._leaves[key] = weakref.ref(tensor, self._forgets(self._leaves, key)), maker, ran

    def leaf(self, tensor: Any) -> tuple[Cut, Cut] | None:
        known = self._leaves.get(id(tensor))
        if known is None or known[0]() is not tensor:
            return None
        cut = cutting.as_cut(known[2], self.guard.sites)
        return None if cut is None else (cutting.as_maker(known[1], self.guard.sites), cut)

    # Writes

    def _wrote(self, tensor: Tensor, before: int, after: int, here: Instruction, name: str) -> None:
        pointer = _pointer(tensor)
        if not pointer:
            return
        writes = self._writes.get(pointer)
        if writes is None or writes[-1][1] != before:
            writes = deque(maxlen=_MOST_WRITES)
        writes.append((before, after, here, name))
        _remember(self._writes, pointer, writes, _MOST_STORAGES)

    def written(self, tensor: Any, saved: int) -> tuple[Instruction, str] | None:
        writes = self._writes.get(_pointer(tensor))
        if not writes or writes[-1][1] != _version(tensor):
            return None
        return next(((site, name) for before, after, site, name in writes if before <= saved < after), None)


def _tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif depth and isinstance(value, (tuple, list)):
        for item in itertools.islice(value, _MOST_ARGUMENTS):
            yield from _tensors(item, depth - 1)
    elif depth and type(value) is dict:
        yield from _tensors(list(value.values()), depth - 1)


def _plain(value: Any, depth: int = 4) -> Iterator[float]:
    """Floats that are hardly the same by accident."""
    if type(value) is float:
        if not value.is_integer():
            yield value
    elif depth and isinstance(value, (tuple, list)):
        for item in itertools.islice(value, _MOST_ARGUMENTS):
            yield from _plain(item, depth - 1)
    elif depth and type(value) is dict:
        yield from _plain(list(value.values()), depth - 1)


def _arrays(value: Any, depth: int = 2) -> Iterator[Any]:
    """Arrays of numpy."""
    if type(value).__name__ == "ndarray" and hasattr(value, "__array_interface__"):
        yield value
    elif depth and isinstance(value, (tuple, list)):
        for item in itertools.islice(value, _MOST_ARGUMENTS):
            yield from _arrays(item, depth - 1)
    elif depth and type(value) is dict:
        yield from _arrays(list(value.values()), depth - 1)


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _version(tensor: Tensor) -> int:
    try:
        return tensor._version
    except RuntimeError:  # of inference mode, or with a batch dimension: there is none
        return -1


def _pointer(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # no storage: sparse, meta, a wrapper
        return 0


def _remember(table: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > most:
        table.popitem(last=False)
