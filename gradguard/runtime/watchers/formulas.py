"""Formulas of custom Functions: backward against small steps of forward, where trying it can surely do no harm.

It is tried once for each Function of the user that a backward reaches, on a few made-up numbers in double precision, by
calling its two methods with a context of our own: neither autograd nor any tensor, generator or hook of the user takes
part. Functions whose source is more than plain smooth arithmetic are left to `gradguard.testing.check_function`.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from gradguard.events import FunctionGradient
from gradguard.runtime import custom
from gradguard.runtime.graph import nodes_from
from gradguard.runtime.purity import is_plain
from gradguard.runtime.watcher import BackwardCall, Watcher

if TYPE_CHECKING:
    from gradguard.runtime.guard import Guard

__all__ = ["WATCHER"]

_MOST_NODES = 2000
_LOOKS = 4
_STEP = 1e-3
_TOLERANCE = 0.02
# Names that say: this gradient differs from the derivative on purpose.
_ON_PURPOSE = re.compile(
    r"grad|revers|straight|through|ste\b|surrogate|spike|approx|backward|identity|pass|hook|clip|guided|fake|quant|noise"
    r"|adversar|domain|penal|regular|inject|attach|aux",
    re.IGNORECASE,
)
# Names that say what forward computes; if it gives back its input, that was forgotten.
_COMPUTES = re.compile(
    r"(?<![a-z])(mul|multiply|times|div|divide|square|cube|pow|exp|log|sqrt|sin|cos|tanh|sigmoid)(?![a-z])"
)


class _Context:
    """What a Function's methods get instead of autograd's own context."""

    def __init__(self, inputs: int) -> None:
        self.needs_input_grad = (True,) * inputs
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        self.saved_tensors = tensors

    def set_materialize_grads(self, value: bool) -> None:
        pass


class _Formulas(Watcher):
    what = "formulas of custom Functions"

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._looks = 0
        self._tried: set[int] = set()
        self._defined = custom.Defined()

    def entering(self, call: BackwardCall) -> None:
        if self._looks >= _LOOKS or not self._defined.any():
            return
        self._looks += 1
        for node in nodes_from(call.roots, _MOST_NODES):
            kind = getattr(type(node), "_forward_cls", None)
            if isinstance(kind, type) and id(kind) not in self._tried:
                self._tried.add(id(kind))
                self._try(kind)

    def _try(self, kind: Any) -> None:
        found = custom.class_of(kind)
        if (
            found is None
            or not self._defined.is_users(kind)
            or "setup_context" in vars(kind)
            or _ON_PURPOSE.search(kind.__name__)
        ):
            return
        path, definition = found
        forward, backward = custom.method(definition, "forward"), custom.method(definition, "backward")
        if forward is None or backward is None or not is_plain(forward, kinks=True) or not is_plain(backward):
            return
        if _ON_PURPOSE.search(ast.get_docstring(definition) or "") or not _means_torch(kind):
            return
        names = [argument.arg for argument in forward.args.args[1:]]
        try:
            wrong = _compare(kind, len(names)) if is_plain(forward) else None
            wrong = wrong or _ignores_incoming(kind, len(names))
        except Exception:  # these numbers do not suit the Function
            return
        if wrong is None:
            return
        position, given, measured, same = wrong
        if same and not _COMPUTES.search(_words(kind.__name__)):
            return
        self.guard.emit(
            FunctionGradient(
                site=custom.return_site(path, backward, len(names)),
                function=kind.__name__,
                input=names[position],
                given=given,
                measured=measured,
                forward_at=custom.name_site(path, forward),
            )
        )


def _means_torch(kind: Any) -> bool:
    """Whether the names of modules in the source stand for what they seem to."""
    space = kind.forward.__globals__
    meant = {"torch": torch, "F": torch.nn.functional, "math": math}
    return all(space.get(name, module) is module for name, module in meant.items())


def _words(name: str) -> str:
    """`mul constant` for MulConstant."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower()


def _compare(kind: Any, inputs: int) -> tuple[int, float, float, bool] | None:
    """(input, what backward gives, what small steps give, whether forward gives back its input), if they differ."""
    generator = torch.Generator().manual_seed(0)
    verdicts: list[tuple[int, float, float, bool] | None] = []
    with torch.no_grad():
        for _ in range(2):
            tensors = _tensor_positions(kind, inputs, generator)
            if tensors is None:
                return None
            verdicts.append(_compare_once(kind, inputs, tensors, generator))
    first, second = verdicts
    return first if first is not None and second is not None and first[0] == second[0] else None


def _ignores_incoming(kind: Any, inputs: int) -> tuple[int, float, float, bool] | None:
    """The same where backward gives the derivative, but does not multiply it by the gradient that comes in.

    That the derivative is right is the proof that no other one is meant, in Functions with kinks, too.
    """
    generator = torch.Generator().manual_seed(0)
    found: tuple[int, float, float, bool] | None = None
    with torch.no_grad():
        tensors = _tensor_positions(kind, inputs, generator)
        if not tensors:
            return None
        position = tensors[0]
        for shift in (0.0, -1.1):
            arguments = _arguments(inputs, tensors, generator)
            arguments[position] = value = arguments[position] + shift
            context = _Context(inputs)
            out = kind.forward(context, *arguments)
            weights = torch.rand(out.shape, generator=generator, dtype=torch.float64) + 0.5
            once, again = (_first(kind.backward(context, given), position) for given in (torch.ones_like(out), weights))
            ahead, behind = (_shifted(kind, arguments, position, step) for step in (_STEP, -_STEP))
            sides = (ahead - out) / _STEP, (out - behind) / _STEP
            if not all(torch.isfinite(side).all() for side in sides):
                continue  # a logarithm of a negative number
            if once.shape != value.shape or out.shape != value.shape or not torch.equal(once, again):
                return None
            if not all(torch.allclose(side.sum(), once.sum(), rtol=_TOLERANCE) for side in sides):
                return None
            if not torch.allclose(sides[0], once, rtol=_TOLERANCE, atol=_TOLERANCE):
                return None  # each output depends on several inputs
            if not torch.equal(out, value) and bool(once.any()):
                scale = float(weights.sum())
                found = position, float(once.sum()) / scale, float((weights * once).sum()) / scale, False
    return found


def _first(grads: Any, position: int) -> Any:
    return grads[position] if isinstance(grads, tuple) else grads


def _shifted(kind: Any, arguments: list[Any], position: int, step: float) -> Any:
    moved = list(arguments)
    moved[position] = arguments[position] + step
    return kind.forward(_Context(len(arguments)), *moved)


def _arguments(inputs: int, tensors: Sequence[int], generator: torch.Generator) -> list[Any]:
    made = (torch.rand(3, generator=generator, dtype=torch.float64) * 0.5 + 0.3 for _ in range(inputs))
    return [value if position in tensors else 1.7 for position, value in enumerate(made)]


def _tensor_positions(kind: Any, inputs: int, generator: torch.Generator) -> tuple[int, ...] | None:
    """The inputs that backward has a gradient for."""
    context = _Context(inputs)
    out = kind.forward(context, *_arguments(inputs, range(inputs), generator))
    if not isinstance(out, torch.Tensor):
        return None
    grads = kind.backward(context, torch.ones_like(out))
    grads = grads if isinstance(grads, tuple) else (grads,)
    if len(grads) != inputs:
        return None
    return tuple(position for position, grad in enumerate(grads) if isinstance(grad, torch.Tensor))


def _compare_once(
    kind: Any, inputs: int, tensors: Sequence[int], generator: torch.Generator
) -> tuple[int, float, float, bool] | None:
    arguments = _arguments(inputs, tensors, generator)
    context = _Context(inputs)
    out = kind.forward(context, *arguments)
    weights = torch.rand(out.shape, generator=generator, dtype=torch.float64) + 0.5
    grads = kind.backward(context, weights)
    grads = grads if isinstance(grads, tuple) else (grads,)
    twice = kind.backward(context, 2 * weights)
    twice = twice if isinstance(twice, tuple) else (twice,)
    for position in tensors:
        grad = grads[position]
        if grad.shape != arguments[position].shape or not torch.allclose(twice[position], 2 * grad):
            return None  # what is not linear in the incoming gradient is meant to differ
        direction = torch.rand(grad.shape, generator=generator, dtype=torch.float64) + 0.5
        ahead, behind = list(arguments), list(arguments)
        ahead[position] = arguments[position] + _STEP * direction
        behind[position] = arguments[position] - _STEP * direction
        difference = kind.forward(_Context(inputs), *ahead) - kind.forward(_Context(inputs), *behind)
        measured = float((weights * difference).sum()) / (2 * _STEP)
        given = float((grad * direction).sum())
        if not (abs(measured) < 1e6 and abs(given) < 1e6):
            return None
        if abs(given - measured) > _TOLERANCE * max(abs(given), abs(measured), 0.01):
            same = out.shape == arguments[position].shape and torch.equal(out, arguments[position])
            scale = float((weights * direction).sum()) if out.shape == direction.shape else 1.0
            return position, given / scale, measured / scale, same
    return None


WATCHER = _Formulas
