"""`assert_trains`: does one step reach and move every parameter of a model?"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from gradguard.testing.cut import Tracer
from gradguard.testing.state import preserved, random_state

__all__ = ["DoesNotTrain", "assert_trains"]

_SHOWN = 4


class DoesNotTrain(AssertionError):
    """Some parameters do not train. `reasons` has the reason for each name."""

    def __init__(self, text: str, reasons: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.reasons = dict(reasons or {})


def assert_trains(
    model: nn.Module,
    batch: Any,
    loss: Callable[[Any, Any], Tensor],
    *,
    optimizer: torch.optim.Optimizer | None = None,
    frozen: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    steps: int = 1,
) -> None:
    """Train for one step: every parameter must receive a gradient that is finite and not all zero, and must move.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    >>> assert_trains(model, (torch.randn(8, 3), torch.randn(8, 1)), nn.functional.mse_loss)

    Raises `DoesNotTrain` (an AssertionError), which names each parameter that does not train, and why: not used, cut
    off at this line, frozen, not in the optimizer, a gradient that is nan or zero, a step that changes nothing.

    batch, loss: for a pair `(inputs, targets)` the loss is `loss(model(inputs), targets)`; inputs that are a tuple or
        a dict become the arguments of the model. For a batch of another form it is `loss(model, batch)`. The loss is
        a tensor with one element.
    optimizer: the one that is to be tested as well. Without one, the parameters are moved a little against the sign of
        their gradients.
    frozen: what is meant to stay as it is, as names or beginnings of names with or without `*` (`"encoder"`,
        `"*.bias"`). Given, nothing else may be frozen (`frozen=[]`: nothing at all), and these must not move. Not
        given, parameters with `requires_grad = False` are left alone.
    ignore: names that are not judged at all.
    steps: more than one where a parameter cannot get a gradient at first, as behind a layer that starts at zero.

    Afterwards the model, its gradients, the optimizer and the random numbers of torch, Python and numpy are as they
    were; lists and dicts that `forward` fills are not.
    """
    __tracebackhide__ = True
    named = dict(model.named_parameters())
    if not named:
        raise DoesNotTrain(f"{type(model).__name__} has no parameters: are its layers kept in a plain list or dict?")
    for name, parameter in named.items():
        if isinstance(parameter, UninitializedParameter):
            raise ValueError(  # noqa: TRY004 - the type of the model is right, its state is not
                f"`{name}` of a lazy layer has no shape yet: run the model once before assert_trains"
            )
    step = _Step(model, batch, loss, optimizer, named)
    resting = _matching(frozen or (), named, "frozen")
    ignored = _matching(ignore, named, "ignore")
    with random_state(), preserved(model, optimizer):
        reasons = {
            name: reason
            for name, reason in step.reasons(resting, strict=frozen is not None, steps=steps).items()
            if name not in ignored
        }
    if reasons:
        raise DoesNotTrain(_text(type(model).__name__, reasons, len(named)), reasons)


class _Step:
    def __init__(
        self,
        model: nn.Module,
        batch: Any,
        loss: Callable[[Any, Any], Tensor],
        optimizer: torch.optim.Optimizer | None,
        named: Mapping[str, nn.Parameter],
    ) -> None:
        self.model = model
        self.batch = batch
        self.loss = loss
        self.named = named
        self.optimizer = optimizer
        self.owned = {id(p): group for group in self._groups() for p in group["params"]}

    def _groups(self) -> list[dict[str, Any]]:
        return self.optimizer.param_groups if self.optimizer is not None else []

    def reasons(self, resting: frozenset[str], *, strict: bool, steps: int) -> dict[str, str]:
        """For each parameter that does not do what it should, why. Changes the model."""
        found = {}
        judged = {name: p for name, p in self.named.items() if name not in resting}
        frozen = [name for name, p in judged.items() if not p.requires_grad]
        if len(frozen) == len(judged) and len(resting) < len(self.named):
            return dict.fromkeys(frozen, "frozen: `requires_grad` is False, and nothing else in the model can train")
        if strict:
            found = dict.fromkeys(frozen, "frozen: `requires_grad` is False, and `frozen` does not name it")
        judged = {name: p for name, p in judged.items() if p.requires_grad and p.numel()}
        before = {name: p.detach().clone() for name, p in self.named.items()}
        received: dict[str, str | None] = dict.fromkeys(judged, "")
        largest: dict[str, float] = {}
        for _ in range(steps):
            state = torch.get_rng_state()
            loss = self._forward_and_backward()
            for name, parameter in judged.items():
                received[name] = None if received[name] is None else _gradient_fault(parameter)
                if received[name] is None and parameter.grad is not None:
                    largest[name] = float(_values(parameter.grad).abs().max())
            self._update()
        unreached = [name for name, fault in received.items() if fault == _UNREACHED]
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(state)
            received.update(self._lost(unreached))
        for name, parameter in judged.items():
            fault = received[name]
            if fault is None and self.optimizer is not None and id(parameter) not in self.owned:
                fault = "not in the optimizer: it gets a gradient, but no step uses it"
            if fault is None and torch.equal(parameter.detach(), before[name]):
                fault = self._unmoved(parameter, largest.get(name, 0.0))
            if fault is not None:
                found[name] = fault
        for name in resting:
            if not torch.equal(self.named[name].detach(), before[name]):
                found[name] = self._moved(self.named[name])
        found.update(self._unregistered(loss))
        return found

    def _value(self) -> Any:
        if isinstance(self.batch, (tuple, list)) and len(self.batch) == 2:
            inputs, targets = self.batch
            if isinstance(inputs, tuple):
                return self.loss(self.model(*inputs), targets)
            if isinstance(inputs, Mapping):
                return self.loss(self.model(**inputs), targets)
            return self.loss(self.model(inputs), targets)
        return self.loss(self.model, self.batch)

    def _forward_and_backward(self) -> Tensor:
        for parameter in (*self.named.values(), *(p for group in self._groups() for p in group["params"])):
            parameter.grad = None
        with torch.enable_grad():
            loss = self._value()
        if not isinstance(loss, Tensor):
            raise self._no_gradient(f"the loss is {loss!r} and no tensor, so there is nothing to call `backward()` on")
        if loss.numel() != 1:
            raise DoesNotTrain(
                f"the loss has the shape {tuple(loss.shape)}: reduce it to one number, for example with `.mean()`"
            )
        if not loss.requires_grad:
            raise self._no_gradient("no parameter is reached: the loss does not depend on any that requires a gradient")
        if not bool(loss.isfinite()):
            raise DoesNotTrain(f"the loss is {loss.item()} before the first step")
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def _no_gradient(self, what: str) -> DoesNotTrain:
        reasons = self._lost([name for name, parameter in self.named.items() if parameter.requires_grad])
        return DoesNotTrain(f"{what}\n{_table(reasons)}", reasons)

    def _update(self) -> None:
        optimizer = self.optimizer
        if optimizer is None:
            _walk(self.named.values())
            return

        def closure() -> float:
            optimizer.zero_grad()
            again: Tensor = self._value()
            again.backward()  # type: ignore[no-untyped-call]
            return again.item()

        if isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(closure)  # type: ignore[no-untyped-call]
        else:
            optimizer.step()

    def _lost(self, names: Iterable[str]) -> dict[str, str]:
        """Why each of them is not reached, by running the forward pass once more."""
        names = list(names)
        if not names:
            return {}
        tracer = Tracer(self.named)
        with torch.enable_grad(), tracer:
            loss = self._value()
        reasons = {}
        for name in names:
            place = tracer.explain(name, loss)
            reasons[name] = (
                "not reached: the forward pass does not use it"
                if place is None
                else f"not reached: {place.what} at {place}"
            )
        return reasons

    def _unmoved(self, parameter: nn.Parameter, largest: float) -> str:
        rate = float(self.owned.get(id(parameter), {}).get("lr", float("nan")))
        if rate == 0:
            return "does not move: its learning rate in the optimizer is 0"
        return (
            f"does not move: the step is too small to change a single digit (learning rate {rate:g}, largest gradient "
            f"{largest:g})"
        )

    def _moved(self, parameter: nn.Parameter) -> str:
        if not parameter.requires_grad or parameter.grad is None or not bool(_values(parameter.grad).any()):
            return "meant to be frozen, but moves without a gradient: by weight decay or momentum, or in `forward`"
        return "meant to be frozen, but gets a gradient and moves: set `requires_grad_(False)`"

    def _unregistered(self, loss: Tensor) -> dict[str, str]:
        """Tensors that the loss reaches and that the model holds, but not as parameters."""
        registered = {id(parameter) for parameter in self.named.values()}
        reached = {id(leaf) for leaf in _leaves(loss)}
        found = {}
        for path, module in self.model.named_modules():
            for attribute, value in vars(module).items():
                if attribute.startswith("_"):
                    continue
                for name, tensor in _held(value, f"{path}.{attribute}" if path else attribute):
                    if id(tensor) in reached and id(tensor) not in registered and id(tensor) not in self.owned:
                        found[name] = (
                            "not registered: `parameters()` does not list it, so no optimizer gets it; keep layers in "
                            "an `nn.ModuleList` or `nn.ModuleDict`, and tensors as `nn.Parameter`"
                        )
        return found


_UNREACHED = "not reached"


_PACE = 0.01


def _values(gradient: Tensor) -> Tensor:
    gradient = gradient.detach()
    return gradient.coalesce().values() if gradient.is_sparse else gradient


@torch.no_grad()
def _walk(parameters: Iterable[nn.Parameter]) -> None:
    """Move each element by one percent of the largest, against the sign of its gradient: enough for any type to see."""
    for parameter in parameters:
        if parameter.requires_grad and parameter.grad is not None and parameter.numel():
            size = parameter.abs().max().clamp(min=1e-3)
            parameter.sub_(_PACE * size * parameter.grad.to_dense().sgn())


def _gradient_fault(parameter: nn.Parameter) -> str | None:
    gradient = parameter.grad
    if gradient is None:
        return _UNREACHED
    values = _values(gradient)
    if not bool(values.isfinite().all()):
        kind = "nan" if bool(values.isnan().any()) else "infinite"
        return f"its gradient is {kind} in {int((~values.isfinite()).sum())} of {values.numel()} elements"
    if not bool(values.any()):
        return (
            "its gradient is zero in every element: a relu that is never active, a factor of 0, or a neighbouring "
            "layer that starts at zero (then say `steps=2`)"
        )
    return None


def _leaves(loss: Tensor) -> Iterator[Tensor]:
    """The leaves that a backward from here reaches."""
    seen = set()
    stack = [loss.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, Tensor):
            yield leaf
        stack.extend(following for following, _ in node.next_functions)


def _held(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """The tensors and the parameters of modules in an attribute and in lists and dicts in it."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, nn.Module):
        for inner, parameter in value.named_parameters():
            yield f"{name}.{inner}", parameter
    elif depth < 3 and isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _held(item, f"{name}[{index}]", depth + 1)
    elif depth < 3 and isinstance(value, dict):
        for key, item in value.items():
            yield from _held(item, f"{name}[{key!r}]", depth + 1)


def _matching(patterns: Iterable[str], named: Mapping[str, Any], argument: str) -> frozenset[str]:
    if isinstance(patterns, str):
        raise TypeError(f"{argument} is a list of names: {argument}=[{patterns!r}]")
    found: set[str] = set()
    for pattern in patterns:
        matches = {
            name
            for name in named
            if name == pattern or name.startswith(f"{pattern}.") or fnmatch.fnmatchcase(name, pattern)
        }
        if not matches:
            raise ValueError(f"{argument} names {pattern!r}, but no parameter is called so: {', '.join(named)}")
        found |= matches
    return frozenset(found)


def _text(model: str, reasons: Mapping[str, str], total: int) -> str:
    count = "1 parameter" if len(reasons) == 1 else f"{len(reasons)} parameters"
    verb = "does" if len(reasons) == 1 else "do"
    return f"{count} of {model} ({total} in all) {verb} not train as meant\n{_table(reasons)}"


def _table(reasons: Mapping[str, str]) -> str:
    """One entry for each reason, with the parameters that share it."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    lines = []
    for reason, names in groups.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        lines.append(f"\n  {', '.join(names[:_SHOWN])}{more}\n      {reason}")
    return "".join(lines)
