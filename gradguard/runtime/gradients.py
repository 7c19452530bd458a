"""The evidence about gradients, and the events that follow from it.

Between two looks at a parameter, its `.grad` is the same object or another one, its version counter has moved or not,
and a small block of its values is the same or not. A change while a backward runs is an addition; a change outside of
one is a clearing, an edit or an assignment by hand. Gradients that have always behaved alike are one cell.
"""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from gradguard.events import Backward, Escape, Event, ManualUpdate, OptimizerStep, ZeroGrad
from gradguard.ledger import Ledger

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Copy", "Gradients", "Parameter", "Updater", "is_as_before", "values_of"]

Copy: TypeAlias = "Tensor | list[Any]"
ByHand: TypeAlias = "Callable[[Sequence[Tensor]], tuple[Hashable, str]]"

_BLOCK = 256
_FEW = 16
_SINGLE_PRECISION = 5e-7
_ALWAYS_COMPARED = 4
_ALWAYS_SAMPLED = 2
_SAMPLED_IN_DOUBT = 4  # so many uses more once a gradient seems uncleared that had not been sampled
_MOST_LEAVES = 64
_MOST_NODES = 4000

_SAME, _CLEARED, _EDITED, _ASSIGNED = range(4)


class Parameter:
    """What was last seen of one parameter. It holds no tensor of the user."""

    __slots__ = (
        "__weakref__", "block", "cell", "fresh", "grad", "key", "latest", "moves", "owned", "serial", "suspect",
        "tensor", "uses", "version", "weight_version", "weights",
    )  # fmt: skip

    def __init__(self, tensor: Tensor, cell: int, serial: int) -> None:
        self.key = id(tensor)
        self.serial = serial
        self.tensor = weakref.ref(tensor)
        self.cell = cell
        self.grad: weakref.ref[Tensor] | None = None
        self.version = 0
        self.block: Copy | None = None
        self.latest: Copy | None = None  # the block as it is at this moment, where it has just been read
        self.uses = 0
        self.fresh = False  # added to since its last use or clearing
        self.owned = False
        self.suspect = False
        self.weight_version = tensor._version
        self.weights: Copy | None = None
        self.moves: list[float] = []

    def note(self, tensor: Tensor) -> None:
        """Remember the gradient as it is now."""
        grad = _grad(tensor)
        self.block = None
        if grad is None:
            self.grad = None
        else:
            if self.grad is None or self.grad() is not grad:
                self.grad = weakref.ref(grad)
            self.version = grad._version
        self.weight_version = tensor._version

    def change(self, grad: Tensor | None) -> int:
        """What has been done to the gradient since the last look, by anything but a backward."""
        if grad is None:
            return _SAME if self.grad is None else _CLEARED
        latest, self.latest = self.latest, None
        if self.grad is None or self.grad() is not grad:
            return _ASSIGNED
        if grad._version != self.version:
            return _CLEARED if _is_zero(grad, latest) else _EDITED
        if self.block is None or _same(self.block, grad, latest):
            return _SAME
        return _CLEARED if _is_zero(grad, latest) else _EDITED


class Updater:
    """An optimizer, or several over the same parameters of which each was made when the one before was gone."""

    def __init__(self, key: Hashable, name: str, parameters: list[Parameter]) -> None:
        self.key = key
        self.name = name
        self.parameters = parameters


class Gradients:
    """Looks at parameters, and emits what has happened to their gradients."""

    def __init__(self, ledger: Ledger, emit: Callable[[Event], object], record: Callable[[Backward], object]) -> None:
        self._ledger = ledger
        self._emit = emit
        self._record = record
        self._parameters: dict[int, Parameter] = {}
        self._updaters: dict[int, tuple[weakref.ref[Any], int, Updater]] = {}
        self._keys: dict[Hashable, tuple[Updater, weakref.ref[Any]]] = {}
        self._sizes: dict[int, int] = {}  # of the cells
        self._cells = self._serial = self._updates = 0
        self._stepped = False  # since attention began
        self._doubt = False  # since attention began, a gradient was used that had not been sampled, and seems uncleared

    # What is known

    def parameter(self, tensor: Tensor, cells: dict[bool, int] | None = None) -> Parameter:
        """What is known of the tensor. New ones that come together begin as one cell, with `cells` as their memory."""
        known = self._parameters.get(id(tensor))
        if known is not None and known.tensor() is tensor:
            return known
        empty = _grad(tensor) is None
        cell = None if cells is None else cells.get(empty)
        if cell is None:
            self._cells += 1
            cell = self._cells
            if cells is not None:
                cells[empty] = cell
            if empty:
                self._ledger.born((cell,))
        self._serial += 1
        known = Parameter(tensor, cell, self._serial)
        known.note(tensor)
        if (before := self._parameters.get(id(tensor))) is not None:
            self._drop(before)
        self._parameters[id(tensor)] = known
        self._sizes[cell] = self._sizes.get(cell, 0) + 1
        return known

    def know(self, tensors: Iterable[Tensor]) -> list[Parameter]:
        cells: dict[bool, int] = {}
        return [self.parameter(tensor, cells) for tensor in tensors]

    def tensors(self) -> list[Tensor]:
        """All that are known and alive."""
        return [tensor for known in self._parameters.values() if (tensor := known.tensor()) is not None]

    def unowned(self) -> list[tuple[int, Tensor]]:
        """Those that no optimizer has been seen to step with, each with its number."""
        return [
            (known.serial, tensor)
            for known in self._parameters.values()
            if not known.owned and (tensor := known.tensor()) is not None
        ]

    @property
    def splits(self) -> int:
        """Grows when gradients that were one cell become several."""
        return self._cells

    def serials(self, cells: Iterable[Hashable]) -> frozenset[int]:
        """The numbers of the parameters in these cells."""
        wanted = set(cells)
        return frozenset(known.serial for known in self._parameters.values() if known.cell in wanted)

    def by_cells(self, cells: Iterable[Hashable]) -> list[Tensor]:
        wanted = set(cells)
        tensors = (known.tensor() for known in self._parameters.values() if known.cell in wanted)
        return [tensor for tensor in tensors if tensor is not None]

    def updater(self, optimizer: torch.optim.Optimizer, name: Callable[[], str]) -> Updater:
        size = sum(len(group["params"]) for group in optimizer.param_groups)
        entry = self._updaters.get(id(optimizer))
        if entry is not None and entry[0]() is optimizer and entry[1] == size:
            return entry[2]
        tensors = [tensor for group in optimizer.param_groups for tensor in group["params"]]
        parameters = self.know(tensors)
        key = frozenset(parameter.serial for parameter in parameters)
        updater, latest = self._keys.get(key, (None, None))
        if updater is None or (latest is not None and latest() not in (None, optimizer)):
            self._updates += 1
            updater = Updater(self._updates, name(), parameters)
        self._keys[key] = updater, weakref.ref(optimizer)
        for parameter in parameters:
            if not parameter.owned:
                parameter.owned = True
                parameter.uses = 0
            parameter.weights = None
        self._updaters[id(optimizer)] = (weakref.ref(optimizer), size, updater)
        return updater

    # Looks

    def enter(self, site: Hashable, by_hand: ByHand) -> None:
        """A backward begins: what has happened since the last look was done by hand or by unseen code."""
        self._moves(by_hand)
        self._look(list(self._parameters.values()), site)
        for _, _, updater in self._updaters.values():
            self._wiped(updater, site)

    def leave(self, event: Callable[[frozenset[Hashable]], Backward], parameters: Sequence[Parameter] = ()) -> None:
        """A backward ends, or an optimizer steps in its middle: what has changed was added by it."""
        added = []
        for parameter in parameters or list(self._parameters.values()):
            tensor = parameter.tensor()
            if tensor is None:
                self._drop(parameter)
                continue
            grad = _grad(tensor)
            if grad is None:
                continue
            if parameter.grad is None or parameter.grad() is not grad:
                parameter.grad = weakref.ref(grad)
            elif grad._version == parameter.version:
                continue
            parameter.version = grad._version
            parameter.block = None
            parameter.fresh = True
            added.append(parameter)
            if not parameter.owned:
                self._snapshot(parameter, tensor, grad)
        if added:
            self._record(event(self._split(added)))

    def cleared(self, site: Hashable) -> None:
        """A zero_grad has run."""
        self._look(list(self._parameters.values()), site)

    def step(self, updater: Updater, event: Callable[[frozenset[Hashable]], OptimizerStep], before: Hashable) -> None:
        """An optimizer has stepped."""
        parameters = updater.parameters
        self._look(parameters, before)
        self._wiped(updater, before)
        self._stepped = True
        cells = frozenset([parameter.cell for parameter in parameters])
        if all(parameter.grad is None for parameter in parameters) and self._moved(parameters):
            # It does not live on `.grad`: an evolution strategy, or a method of its own.
            self._emit(Escape(site=None, gradients=cells))
            return
        self._emit(event(cells))
        for parameter in parameters:
            parameter.block = None
            if parameter.uses < _ALWAYS_SAMPLED and parameter.grad is not None:
                tensor = parameter.tensor()
                if tensor is not None:
                    self._sample(parameter, tensor)
            parameter.uses += parameter.grad is not None
            parameter.fresh = False

    def _wiped(self, updater: Updater, before: Hashable) -> None:
        """A gradient that would be stale is cleared if it holds zeros: `.grad.data.zero_()` leaves no other trace."""
        cells = {known.cell for known in updater.parameters}
        stale = {cell for cell in cells if self._ledger.gradient(cell).is_stale(updater.key)}
        if not stale:
            return
        wiped = []
        for parameter in updater.parameters:
            tensor = parameter.tensor() if parameter.cell in stale else None
            grad = None if tensor is None else _grad(tensor)
            if tensor is not None and grad is not None and _is_zero(grad):
                parameter.note(tensor)
                parameter.fresh = False
                wiped.append(parameter)
        if wiped:
            self._emit(_cleared(before, self._split(wiped)))

    def full(self, parameters: Iterable[Parameter]) -> list[Tensor]:
        """The tensors of those whose gradient has been added to and holds more than zeros."""
        found = []
        for parameter in parameters:
            tensor = parameter.tensor()
            grad = None if tensor is None or parameter.grad is None else _grad(tensor)
            if tensor is not None and grad is not None and self._ledger.gradient(parameter.cell).added:
                found += [] if _is_zero(grad) else [tensor]
        return found

    def settle(self, tensors: Iterable[Tensor], before: Hashable) -> frozenset[Hashable]:
        """The cells of these gradients, with all known that has happened to them so far."""
        known = list(dict.fromkeys(self.know(tensors)))
        self._look(known, before)
        return self._split(known)

    def edited(self, tensors: Iterable[Tensor]) -> None:
        """These gradients have just been changed by something that an event has told."""
        for tensor in tensors:
            parameter = self.parameter(tensor)
            had_block = parameter.block is not None
            parameter.note(tensor)
            if had_block:
                parameter.block = _copy(_grad(tensor))

    def _moved(self, parameters: Sequence[Parameter]) -> bool:
        """Whether any of them has moved; a frozen one may be moved by others (the target of a moving average)."""
        moved = False
        for parameter in parameters:
            tensor = parameter.tensor()
            if tensor is not None:
                moved = moved or (tensor.requires_grad and tensor._version != parameter.weight_version)
                parameter.weight_version = tensor._version
        return moved

    def forget(self) -> None:
        """From here on something may go unseen."""
        cells = frozenset(parameter.cell for parameter in self._parameters.values())
        if cells:
            self._emit(Escape(site=None, gradients=cells))
        for parameter in self._parameters.values():
            parameter.weights = parameter.block = None
            parameter.fresh = False
            parameter.moves.clear()

    def resume(self) -> None:
        """Everything is seen again: whatever has no gradient now is known."""
        self._doubt = self._stepped = False
        born: set[int] = set()
        for parameter in list(self._parameters.values()):
            tensor = parameter.tensor()
            if tensor is None:
                self._drop(parameter)
                continue
            parameter.note(tensor)
            if not parameter.owned:
                parameter.uses = 0
            if parameter.grad is None and parameter.cell not in born:
                born.add(parameter.cell)
                self._ledger.born((parameter.cell,))

    def pending(self) -> bool:
        """Whether a stale gradient waits for the step that would consume it, or one may do so."""
        return self._doubt or self._stale()

    def accumulates(self) -> bool:
        """Whether a gradient that no optimizer owns has been added to more than once, and was not used so far."""
        return any(
            parameter.fresh and not parameter.owned and len(self._ledger.gradient(parameter.cell).added) > 1
            for parameter in self._parameters.values()
        )

    def _stale(self) -> bool:
        for cell in {parameter.cell for parameter in self._parameters.values()}:
            state = self._ledger.gradient(cell)
            if any(map(state.is_stale, state.uses)):
                return True
        return False

    def _look(self, parameters: Sequence[Parameter], site: Hashable) -> None:
        cleared: list[Parameter] = []
        unknown: list[Parameter] = []
        for parameter in parameters:
            tensor = parameter.tensor()
            if tensor is None:
                self._drop(parameter)
                continue
            grad = _grad(tensor)
            change = parameter.change(grad)
            if change == _SAME:
                if grad is not None and not parameter.fresh:
                    # Used and, as far as one can see, not cleared: the values decide.
                    parameter.uses = min(parameter.uses, _ALWAYS_SAMPLED - _SAMPLED_IN_DOUBT)
                    if parameter.block is None:
                        parameter.block = _copy(grad)
                        unknown.append(parameter)
                        self._doubt = self._doubt or (self._stepped and parameter.owned)
                continue
            used, had_block = not parameter.fresh, parameter.block is not None
            parameter.note(tensor)
            if change == _CLEARED:
                cleared.append(parameter)
                parameter.fresh = False
                if grad is not None:
                    parameter.block = _copy(grad)
            elif change == _ASSIGNED or used:
                unknown.append(parameter)
                parameter.fresh = True
            elif had_block:
                parameter.block = _copy(grad)
        if unknown:
            self._emit(Escape(site=None, gradients=self._split(unknown)))
        if cleared:
            self._emit(_cleared(site, self._split(cleared)))

    def _sample(self, parameter: Parameter, tensor: Tensor) -> None:
        block = _copy(_grad(tensor))
        parameter.block = block if block is not None and _any(block) else None

    def _drop(self, parameter: Parameter) -> None:
        if self._parameters.get(parameter.key) is parameter:
            del self._parameters[parameter.key]
            self._sizes[parameter.cell] -= 1

    def _split(self, changed: Sequence[Parameter]) -> frozenset[Hashable]:
        """The cells of the parameters, which are split off from those of the same cell that behave differently."""
        if not changed:
            return frozenset()
        first = changed[0].cell
        if len(changed) == self._sizes[first]:
            for parameter in changed:
                if parameter.cell != first:
                    break
            else:
                return frozenset((first,))
        sizes: dict[int, int] = {}
        for parameter in changed:
            sizes[parameter.cell] = sizes.get(parameter.cell, 0) + 1
        renamed: dict[int, int] = {}
        for cell, size in sizes.items():
            if size < self._sizes[cell]:
                self._cells += 1
                new = renamed[cell] = self._cells
                self._sizes[new], self._sizes[cell] = size, self._sizes[cell] - size
                self._ledger.alias(new, cell)
                state, old = self._ledger.gradient(new), self._ledger.gradient(cell)
                state.known = old.known
                state.used_before.update(old.used_before)
        for parameter in changed:
            parameter.cell = renamed.get(parameter.cell, parameter.cell)
        return frozenset(parameter.cell for parameter in changed)

    # Updates by hand

    def walk(self, roots: Sequence[Any]) -> None:
        """Become aware of the leaves that a backward will reach."""
        stack = [root.grad_fn for root in roots if isinstance(root, torch.Tensor)]
        seen = set(stack)
        leaves: list[Tensor] = []
        unowned = sum(not parameter.owned for parameter in self._parameters.values())
        while stack and len(seen) < _MOST_NODES:
            node = stack.pop()
            if node is None:
                continue
            leaf = getattr(node, "variable", None)
            if isinstance(leaf, torch.Tensor):
                if unowned < _MOST_LEAVES or id(leaf) in self._parameters:
                    unowned += id(leaf) not in self._parameters
                    leaves.append(leaf)
                continue
            for successor, _ in node.next_functions:
                if successor is not None and successor not in seen:
                    seen.add(successor)
                    stack.append(successor)
        self.know(leaves)

    def _snapshot(self, parameter: Parameter, tensor: Tensor, grad: Tensor) -> None:
        parameter.block = _copy(grad)
        if parameter.suspect or parameter.uses < _ALWAYS_COMPARED:
            parameter.weights = _copy(tensor)
        parameter.uses += 1

    def _moves(self, by_hand: ByHand) -> None:
        """Leaves without an optimizer that have moved along their latest gradient were updated by hand.

        The gradient may have been cleared since: what the weights have moved along is its copy.
        """
        moved: list[Parameter] = []
        tensors: list[Tensor] = []
        for parameter in self._parameters.values():
            if parameter.owned or parameter.block is None or not parameter.fresh:
                continue
            tensor = parameter.tensor()
            if tensor is None:
                continue
            grad = _grad(tensor)
            parameter.latest = _copy(grad) if isinstance(parameter.block, list) else None
            # Zeros tell nothing, and there is nothing stale in them.
            parameter.suspect = (
                grad is not None and _same(parameter.block, grad, parameter.latest) and any(_flat(parameter.block))
            )
            if parameter.weights is None:
                continue
            weights = _copy(tensor)
            if weights is not None and _flat(weights) == _flat(parameter.weights):
                continue  # not moved so far
            rate = _rate(parameter.weights, weights, parameter.block)
            parameter.weights = None
            if rate is None:
                continue
            moves = parameter.moves
            if moves and (moves[-1] < 0) != (rate < 0):
                moves.clear()
                self._emit(Escape(site=None, gradients=self._split([parameter])))
            if tensor.numel() == 1 and moves and abs(moves[-1] - rate) > 0.05 * abs(rate):
                moves.clear()
                self._emit(Escape(site=None, gradients=self._split([parameter])))
            moves.append(rate)
            moved.append(parameter)
            tensors.append(tensor)
        if not moved:
            return
        site, name = by_hand(tensors if self._stale() else ())
        self._emit(ManualUpdate(site=site, updater="by hand", name=name, gradients=self._split(moved)))
        for parameter in moved:
            parameter.fresh = False

    def finish(self, by_hand: ByHand) -> None:
        """The watch ends: the last update by hand has no backward after it."""
        self._moves(by_hand)


@functools.lru_cache(maxsize=256)
def _cleared(site: Hashable, gradients: frozenset[Hashable]) -> ZeroGrad:
    return ZeroGrad(site=site, name="", gradients=gradients)


def _grad(tensor: Tensor) -> Tensor | None:
    if tensor.is_leaf or tensor.retains_grad:
        return tensor.grad
    return None


def _block(tensor: Tensor) -> Tensor | None:
    """A small contiguous block of the values, without a copy."""
    if tensor.layout != torch.strided or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        return None
    flat = tensor.detach()
    if flat.numel() <= _BLOCK:
        return flat
    if not flat.is_contiguous():
        return flat[0] if flat.dim() > 1 and flat[0].numel() <= _BLOCK else None
    return flat.as_strided((_BLOCK,), (1,))


def _copy(tensor: Tensor | None) -> Copy | None:
    """The values of the block, as a list where they are so few that this is cheaper."""
    if tensor is None:
        return None
    block = _block(tensor)
    if block is None:
        return None
    return _flat(block) if block.numel() <= _FEW else block.clone()


def values_of(tensor: Tensor) -> Copy | None:
    """A small sample of the values, to see later whether they have changed."""
    return _copy(tensor)


def is_as_before(values: Copy | None, tensor: Tensor) -> bool:
    return values is not None and _same(values, tensor)


def _flat(values: Tensor | list[Any]) -> list[Any]:
    if isinstance(values, list):
        return values
    listed: Any = values.tolist() if values.dim() <= 1 else values.flatten().tolist()
    return listed if isinstance(listed, list) else [listed]


def _any(values: Copy) -> bool:
    return any(values) if isinstance(values, list) else bool(values.any())


def _same(copy: Copy, tensor: Tensor, latest: Copy | None = None) -> bool:
    if isinstance(copy, list) and latest is not None:
        return copy == latest
    block = _block(tensor)
    if block is None:
        return False
    if isinstance(copy, list):
        return _flat(block) == copy
    return block.shape == copy.shape and torch.equal(block, copy)


def _is_zero(grad: Tensor, latest: Copy | None = None) -> bool:
    if isinstance(latest, list) and any(latest):
        return False
    block = _block(grad)
    if block is not None and (any(_flat(block)) if block.numel() <= _FEW else bool(block.any())):
        return False
    if block is not None and block.numel() == grad.numel():
        return True
    values = grad.detach()
    return not bool((values.coalesce().values() if values.is_sparse else values).any())


def _rate(before: Copy, after: Copy | None, grad: Copy) -> float | None:
    """How far the weights moved along the gradient or its sign; None if they moved otherwise or not at all."""
    if after is None:
        return None
    olds, news, slopes = _flat(before), _flat(after), _flat(grad)
    if len(olds) != len(news) or len(olds) != len(slopes) or not all(isinstance(slope, float) for slope in slopes):
        return None
    steps = [new - old for old, new in zip(olds, news, strict=True)]
    pairs = [(step, slope) for step, slope in zip(steps, slopes, strict=True) if slope != 0.0]
    if not pairs or not any(steps):
        return None
    if any(step != 0.0 for step, slope in zip(steps, slopes, strict=True) if slope == 0.0):
        return None
    noise = (max(map(abs, olds)) + 1e-30) * _SINGLE_PRECISION
    for rates in ([(s / g, abs(g)) for s, g in pairs], [(s if g > 0 else -s, 1.0) for s, g in pairs]):
        middle: float = sorted(rate for rate, _ in rates)[len(rates) // 2]
        if middle == 0.0 or math.isnan(middle):
            continue
        exact = sum(abs(rate - middle) * size <= 0.01 * abs(middle) * size + noise for rate, size in rates)
        # Clipping to a range may have cut some of the steps short.
        shorter = all(rate * middle >= 0 or abs(rate) * size <= noise for rate, size in rates) and all(
            abs(rate) * size <= 1.01 * abs(middle) * size + noise for rate, size in rates
        )
        if exact == len(rates) or (len(rates) >= 4 and exact * 2 >= len(rates) and shorter):
            return middle
    return None
