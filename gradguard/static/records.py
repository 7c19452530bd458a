"""What an execution notes about parameters, to judge at its end who trains them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import libcst as cst

from gradguard.static.index import lies_in
from gradguard.static.project import SourceFile
from gradguard.static.values import Instance, Module, Op, Opaque, Optimizer, Seq, Table, Tensor, Value

__all__ = ["Computed", "Container", "Loose", "Records", "Replacement", "is_plain"]

Place = tuple[SourceFile, cst.CSTNode]


# What makes a tensor that surely is no parameter.
_MAKERS = frozenset("tensor zeros ones randn rand empty full eye normal linspace arange Tensor Variable".split())


def is_plain(value: Value) -> bool:
    """Whether a value surely is a leaf that asks for a gradient and no parameter."""
    return (
        isinstance(value, Tensor) and value.leaf is True and value.requires_grad is True and value.operation in _MAKERS
    )


@dataclass(slots=True, eq=False)
class Container:
    """A plain list or dict that became an attribute of a module."""

    instance: Instance
    name: str
    value: Seq | Table
    place: Place


@dataclass(slots=True, eq=False)
class Loose:
    """A tensor that asks for a gradient became an attribute of a module in its `__init__`, and is no parameter."""

    instance: Instance
    name: str
    value: Tensor
    place: Place


@dataclass(slots=True, eq=False)
class Computed:
    """What was computed from a parameter became an attribute of a module in its `__init__`; nothing else holds it."""

    instance: Instance
    name: str
    value: Tensor
    parameter: Tensor
    place: Place


@dataclass(slots=True, eq=False)
class Replacement:
    """A part of a model that cannot be seen was replaced after the `optimizers` had got its parameters."""

    model: Opaque
    name: str
    value: Value
    place: Place
    optimizers: frozenset[int]


@dataclass(slots=True, eq=False)
class Records:
    """The notes of one execution."""

    made_at: dict[int, Place] = field(default_factory=dict)
    in_forward: set[int] = field(default_factory=set)
    containers: list[Container] = field(default_factory=list)
    loose: list[Loose] = field(default_factory=list)
    computed: list[Computed] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)
    roots: dict[int, Op] = field(default_factory=dict)
    handled: set[int] = field(default_factory=set)
    resting: set[int] = field(default_factory=set)
    names: dict[int, tuple[str, Module | Instance]] = field(default_factory=dict)
    added_at: dict[int, Place] = field(default_factory=dict)  # modules whose parameters became a group later
    unknown_passes: int = 0

    def named(self, name: str, value: Value) -> None:
        """A module has got a name."""
        if isinstance(value, (Module, Instance)):
            self.names.setdefault(value.ident, (name, value))

    def held(self, instance: Instance, name: str, value: Value, place: Place, *, in_init: bool) -> None:
        """An attribute of an object was set."""
        self.named(name, value)
        if instance.is_module and isinstance(value, (Seq, Table)):
            self.containers.append(Container(instance, name, value, place))
        elif instance.is_module and in_init and is_plain(value):
            self.loose.append(Loose(instance, name, value, place))  # type: ignore[arg-type]
        elif instance.is_module and in_init and isinstance(value, Tensor) and value.op is not None:
            parameter = next(iter(value.reach)) if len(value.reach) == 1 else None
            made = self.made_at.get(parameter.ident) if isinstance(parameter, Tensor) else None
            if isinstance(parameter, Tensor) and parameter.operation == "nn.Parameter" and made is not None:
                if made[0] is place[0] and lies_in(made[1], place[1]):
                    self.computed.append(Computed(instance, name, value, parameter, place))

    def replaced(
        self, receiver: Opaque, name: str, value: Value, place: Place, optimizers: Iterable[Optimizer]
    ) -> None:
        """A part of an unknown model was replaced by a known one: does an optimizer have the old one?"""
        if not (isinstance(value, Module) or (isinstance(value, Instance) and value.is_module)):
            return
        model: Opaque | None = receiver
        while model is not None:
            earlier = frozenset(optimizer.ident for optimizer in optimizers if model in optimizer.owners)
            if earlier:
                self.replacements.append(Replacement(model, name, value, place, earlier))
                return
            model = model.parent
