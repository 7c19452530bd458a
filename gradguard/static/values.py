"""The values that an abstract execution computes with.

A value knows what matters to gradients and nothing else. What is not known is an `Opaque`, which remembers what was
derived from it, so that `args.amp` read twice is the same unknown and one guess about it holds for the whole execution.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import libcst as cst

from gradguard.events import SavedTensor
from gradguard.static.shapes import UNKNOWN, Size

if TYPE_CHECKING:
    from gradguard.static.project import SourceFile

_counter = itertools.count(1)


def fresh() -> int:
    """A number that no other value of this process has."""
    return next(_counter)


class Formatted(str):
    """The text of an f-string: good as a key; as the name of an attribute it is one of many, and not followed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Why a value surely has no graph. `kind` is that of `events.Cut`; `what` is the operation, as the source has it.

    `lost` says that what went in had a graph, or would have had one; `of` are the leaves and modules it came from.
    """

    kind: str
    node: cst.CSTNode | None = None
    file: SourceFile | None = None
    what: str = ""
    lost: bool = False
    of: frozenset[Owner] = frozenset()


# A value that was made without a graph: a constant, data, `torch.zeros(3)`.
MADE = Cut("made")


@dataclass(slots=True, eq=False)
class Op:
    """One operation of an autograd graph. `leaves` are the leaves and modules whose gradients it feeds directly.

    `unsure` is the unknown module that it applies, which may be frozen for all that is known. `linear` says that it
    only adds up and scales what goes in; `dead` are the cuts of the terms that have no graph, `fed` those of all that
    goes in and would have had one.
    `loose` says that an input of it is unknown, and may bring a graph along.
    """

    operation: str
    node: cst.CSTNode
    file: SourceFile
    saves: bool
    parents: tuple[Op, ...] = ()
    leaves: tuple[Owner, ...] = ()
    unsure: Opaque | Instance | None = None
    name: str = ""
    linear: bool = False
    dead: tuple[Cut, ...] = ()
    saved: tuple[SavedTensor, ...] = ()
    fed: tuple[Cut, ...] = ()
    loose: bool = False
    ident: int = field(default_factory=fresh)


class Value:
    """The base of all values."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Const(Value):
    """A known constant. `counter` marks numbers that a loop counts with."""

    value: Any
    counter: bool = False


@dataclass(slots=True, eq=False)
class Periodic(Value):
    """A loop counter modulo something: what it is in this turn, if it recurs every second turn."""

    phase: int
    period: int | None


@dataclass(slots=True, eq=False)
class Seq(Value):
    """A list, tuple or set. If it is not `exact`, its items stand for more of their kind.

    `limit` is the `maxlen` of a deque, 0 if that is not known.
    """

    items: list[Value]
    exact: bool = True
    kind: str = "list"
    limit: int | None = None


@dataclass(slots=True, eq=False)
class Table(Value):
    """A dict. If it is not `exact`, there may be other keys."""

    items: dict[Any, Value]
    exact: bool = True
    factory: Value | None = None


@dataclass(slots=True, eq=False)
class Opaque(Value):
    """Something unknown. `refs` are values that it was made from; `op` and `reach` are its place in a graph, if any.

    `stable` says that it is the same in every turn of every loop: a parameter, a global, an attribute of such.
    """

    hint: str = ""
    refs: tuple[Value, ...] = ()
    op: Op | None = None
    reach: frozenset[Owner] = frozenset()
    parent: Opaque | None = None
    attribute: str = ""
    stable: bool = False
    called: str = ""
    memo: dict[Any, Value] = field(default_factory=dict)
    truth: bool | None = None
    none: bool | None = None
    equal: Const | None = None
    frozen: bool | None = None
    parameters: bool = False
    optimizer: bool = False
    detached: bool = False
    bound: str = ""
    cut: Cut | None = None
    ident: int = field(default_factory=fresh)


@dataclass(slots=True, eq=False)
class Tensor(Value):
    """A tensor. `owner` is set on leaves (itself, or the modules whose parameters it stands for).

    `base` is the leaf whose storage it shares (`w.data`); `grad_of` the gradients that its value was computed from, as
    (gradient, generation); `handle` the owners whose `.grad` it is. `cut` tells why it surely has no graph, if that is
    sure; `releaf` what made a leaf that requires grad of a value without one, and why that value had none. `storage` is
    set where its values lie in those of another tensor: as a view (`view_of` a leaf), changed in place, or `hidden` by
    `.data`. A `stand_in` is taken for several tensors.
    """

    requires_grad: bool | None = None
    leaf: bool | None = None
    owners: tuple[Owner, ...] = ()
    op: Op | None = None
    reach: frozenset[Owner] = frozenset()
    size: Size = UNKNOWN
    grad_of: frozenset[tuple[int, int]] = frozenset()
    handle: tuple[Owner, ...] = ()
    base: Tensor | None = None
    retains: bool | None = False
    operation: str = ""
    made_at: cst.CSTNode | None = None
    leaf_at: cst.CSTNode | None = None
    file: SourceFile | None = None
    unreduced: tuple[cst.CSTNode, str] | None = None
    rebound: cst.CSTNode | None = None
    rebound_file: SourceFile | None = None
    cpu: bool = False
    dtype: str = ""
    partial: bool = False
    storage: frozenset[int] = frozenset()
    view_of: Tensor | None = None
    is_view: bool = False
    hidden: bool = False
    stand_in: bool = False
    name: str = ""
    cut: Cut | None = None
    releaf: tuple[Cut, Cut | None] | None = None
    ident: int = field(default_factory=fresh)


@dataclass(slots=True, eq=False)
class Module(Value):
    """A module of torch.nn, made by its constructor."""

    kind: str
    config: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
    children: list[Value] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    has_parameters: bool = True
    frozen: bool | None = False
    attributes: dict[str, Value] = field(default_factory=dict)
    hooks: list[tuple[str, Value]] = field(default_factory=list)
    made_at: tuple[SourceFile, cst.CSTNode] | None = None
    ident: int = field(default_factory=fresh)


@dataclass(slots=True, eq=False)
class Stream:
    """An iterator, which can be run through once. `lost` means that code which cannot be seen has had it."""

    spent: tuple[SourceFile, cst.CSTNode] | None = None
    lost: bool = False


@dataclass(slots=True, eq=False)
class Parameters(Value):
    """An iterable of parameters: `model.parameters()`, a list of it, a chain of several. `pairs` for named ones.

    If it is `partial`, a condition has picked some of them. Unless it is a list, it has a `stream`.
    """

    owners: tuple[Owner, ...]
    pairs: bool = False
    partial: bool = False
    stream: Stream | None = None


@dataclass(slots=True, eq=False)
class Optimizer(Value):
    """An optimizer. `loose` means that it may own parameters that are not among `owners`."""

    kind: str
    owners: list[Owner]
    updater: Any
    loose: bool = False
    own_step: bool = False
    node: cst.CSTNode | None = None
    name: str = ""
    given: set[int] = field(default_factory=set)
    attributes: dict[str, Value] = field(default_factory=dict)
    ident: int = field(default_factory=fresh)


@dataclass(slots=True, eq=False)
class Scope:
    """Variables of a function, a class body or a file; `parent` is the enclosing function's or file's."""

    variables: dict[str, Value]
    parent: Scope | None = None
    outer: dict[str, Scope] = field(default_factory=dict)

    def find(self, name: str) -> Value | None:
        scope: Scope | None = self.outer.get(name, self)
        while scope is not None:
            value = scope.variables.get(name)
            if value is not None:
                return value
            scope = scope.parent
        return None

    def bind(self, name: str, value: Value) -> None:
        self.outer.get(name, self).variables[name] = value


@dataclass(slots=True, eq=False)
class Function(Value):
    """A function or lambda of the source, with the scope it closes over and its evaluated defaults."""

    node: cst.FunctionDef | cst.Lambda
    scope: Scope
    file: SourceFile
    defaults: dict[str, Value]
    owner: Class | None = None
    flags: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.node.name.value if type(self.node) is cst.FunctionDef else "<lambda>"


@dataclass(slots=True, eq=False)
class Class(Value):
    """A class of the source."""

    node: cst.ClassDef
    scope: Scope
    file: SourceFile
    bases: tuple[Value, ...]
    attributes: dict[str, Value]

    @property
    def name(self) -> str:
        return self.node.name.value

    def lineage(self, depth: int = 0) -> Iterator[Class]:
        yield self
        if depth < 12:
            for base in self.bases:
                if isinstance(base, Class):
                    yield from base.lineage(depth + 1)

    def externals(self) -> Iterator[Value]:
        """The bases that are not defined in the source."""
        for cls in self.lineage():
            for base in cls.bases:
                if not isinstance(base, Class):
                    yield base

    def lookup(self, name: str) -> tuple[Value, Class] | None:
        for cls in self.lineage():
            if name in cls.attributes:
                return cls.attributes[name], cls
        return None


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the source. `whole` is false if a base class cannot be seen."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict)
    is_module: bool = False
    whole: bool = True
    unknown: Opaque | None = None
    frozen: bool | None = False
    hooks: list[tuple[str, Value]] = field(default_factory=list)
    ident: int = field(default_factory=fresh)


@dataclass(slots=True, eq=False)
class Bound(Value):
    """A method of the source with its receiver."""

    function: Value
    receiver: Value
    owner: Class | None = None


@dataclass(slots=True, eq=False)
class Method(Value):
    """A method that the interpreter itself knows, with its receiver: `loss.backward`, `optimizers.append`."""

    receiver: Value
    name: str


@dataclass(slots=True, eq=False)
class External(Value):
    """A name of a library: `torch.optim.Adam`."""

    path: str


@dataclass(slots=True, eq=False)
class Import(Value):
    """A name imported from a file of the same project, which is read only if the name is used."""

    path: str
    name: str
    dotted: str
    level: int
    importer: SourceFile
    target: Value | None = None


@dataclass(slots=True, eq=False)
class Package(Value):
    """A file of the same project, imported."""

    file: SourceFile
    scope: Scope


@dataclass(slots=True, eq=False)
class Partial(Value):
    """`functools.partial(function, …)`."""

    function: Value
    arguments: Arguments


@dataclass(slots=True, eq=False)
class Generator(Value):
    """A generator that has been called but not run. It is run by the loop that consumes it."""

    run: Callable[[Callable[[Value], Value]], None]


@dataclass(slots=True, eq=False)
class Super(Value):
    """`super()` in a method."""

    receiver: Value
    after: Class


@dataclass(slots=True)
class Arguments:
    """The evaluated arguments of a call. `open` means that there may be more (`*args` of unknown length)."""

    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    open: bool = False

    def get(self, index: int, name: str = "") -> Value | None:
        if name and name in self.keywords:
            return self.keywords[name]
        if 0 <= index < len(self.positional):
            return self.positional[index]
        return None

    def all(self) -> Iterator[Value]:
        yield from self.positional
        yield from self.keywords.values()


Owner: TypeAlias = "Tensor | Module | Instance | Opaque"

NONE = Const(None)
TRUE = Const(True)
FALSE = Const(False)


def walk(values: Iterable[Value], depth: int = 4) -> list[Value]:
    """The values, and those inside of lists, tuples and dicts."""
    found: list[Value] = []
    for value in values:
        kind = type(value)
        if kind is Seq and depth:
            found += walk(value.items, depth - 1)  # type: ignore[attr-defined]
        elif kind is Table and depth:
            found += walk(value.items.values(), depth - 1)  # type: ignore[attr-defined]
        else:
            found.append(value)
    return found
