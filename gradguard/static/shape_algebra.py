"""The size of a tensor, as far as it is known, and what broadcasting, products, reductions and indexing make of it."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Final, TypeAlias

__all__ = [
    "ANY",
    "INT",
    "SCALAR",
    "UNKNOWN",
    "Arg",
    "Extent",
    "Size",
    "Unknown",
    "broadcast",
    "edit",
    "extent",
    "extents",
    "from_dims",
    "from_tail",
    "index",
    "integer",
    "integers",
    "join",
    "literal",
    "matmul",
    "meet",
    "positions",
    "product",
    "reduce",
    "size_of",
]

Extent: TypeAlias = "int | None"


class Unknown(enum.Enum):
    """A value that is not known: `ANY` may be anything, `INT` is surely an int (and not a bool)."""

    ANY = "any"
    INT = "int"


ANY: Final = Unknown.ANY
INT: Final = Unknown.INT


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of the size of a tensor.

    `dims` is None where the rank is not known, and an entry None is an extent that is not known. Of a tensor of unknown
    rank the last extents may be known all the same: they are the `tail`, and its length is the least possible rank.

    `many` is False if there is surely exactly one element, and True if there is surely not exactly one. That is what
    `backward()` without a gradient asks, so an empty tensor counts as many: it is refused in the same way. Thus `many`
    survives broadcasting, `expand` and `repeat`, and (…, 10) is many even if a batch should be empty.
    """

    dims: tuple[Extent, ...] | None = None
    many: bool | None = None
    tail: tuple[Extent, ...] = ()

    def __post_init__(self) -> None:
        certain = True
        for entry in self.tail if self.dims is None else self.dims:
            if entry is None:
                certain = False
            elif entry != 1:
                if self.many is not True:
                    object.__setattr__(self, "many", True)
                return
        if certain and self.dims is not None and self.many is not False:
            object.__setattr__(self, "many", False)

    @property
    def known(self) -> tuple[Extent, ...]:
        """The extents, or the last of them if the rank is not known."""
        return self.tail if self.dims is None else self.dims

    def describe(self) -> str:
        """The size as a message shows it, or nothing."""
        if self.dims is not None:
            listed = ", ".join("?" if entry is None else str(entry) for entry in self.dims)
            return f"({listed},)" if len(self.dims) == 1 else f"({listed})"
        if any(entry is not None for entry in self.tail):
            return f"(…, {', '.join('?' if entry is None else str(entry) for entry in self.tail)})"
        return "more than one element" if self.many else ""


UNKNOWN: Final = Size()
SCALAR: Final = Size(())

Arg: TypeAlias = "Size | Unknown | int | float | bool | str | slice | EllipsisType | tuple[Arg, ...] | list[Arg] | None"


def from_dims(*dims: Extent) -> Size:
    """A size of known rank; None is an unknown extent."""
    return Size(dims)


def from_tail(*tail: Extent) -> Size:
    """A size of unknown rank of which the last extents are known."""
    return Size(tail=tail)


def extents(size: Size) -> Arg:
    """The value of `x.shape` and `x.size()`."""
    return ANY if size.dims is None else tuple(INT if entry is None else entry for entry in size.dims)


def extent(size: Size, dim: Arg) -> Arg:
    """The value of `x.size(dim)` and `x.shape[dim]`."""
    if isinstance(dim, int) and (size.dims is not None or dim < 0) and -len(size.known) <= dim < len(size.known):
        entry = size.known[dim]
        return INT if entry is None else entry
    return INT


def size_of(arg: Arg) -> Size:
    """The size of an operand; a number takes part in broadcasting as a scalar does."""
    if isinstance(arg, Size):
        return arg
    if arg is ANY:
        return UNKNOWN
    if arg is INT or isinstance(arg, (int, float)):
        return SCALAR
    raise TypeError(arg)


def integer(arg: Arg) -> Extent:
    """A literal int, or None for one that is not known."""
    if isinstance(arg, int) and not isinstance(arg, bool):
        return arg
    if isinstance(arg, (Size, Unknown)):
        return None
    raise TypeError(arg)


def literal(arg: Arg) -> int:
    """A literal int; anything else raises a TypeError, which means: not known."""
    if isinstance(arg, int) and not isinstance(arg, bool):
        return arg
    raise TypeError(arg)


def integers(args: Arg) -> list[Extent]:
    """One int or a sequence of them. What may be either raises a TypeError."""
    if isinstance(args, (tuple, list)):
        return [integer(arg) for arg in args]
    if args is ANY:
        raise TypeError(args)
    return [integer(args)]


def _make(size: Size, entries: Iterable[Extent], many: bool | None) -> Size:
    return Size(None, many, tuple(entries)) if size.dims is None else Size(tuple(entries), many)


def edit(
    size: Size, dim: int, new: Iterable[Extent], width: int = 1, many: bool | None = None, zero_rank: bool = False
) -> Size:
    """Replace `width` extents from `dim` on by `new`; `many` is what holds if the extents do not decide.

    If the rank is not known, a `dim` counted from the front may lie anywhere in the tail: what is left of it and itself
    is forgotten. `zero_rank` says that torch takes a scalar here for a vector of one element.
    """
    entries, new = list(size.known), list(new)
    room = 0 if width else 1
    if size.dims is not None:
        rank = len(entries) + room
        if not -rank <= dim < rank:
            raise IndexError(dim)
        start = dim % rank
    else:
        if zero_rank and not entries and dim in (0, -1):
            return Size(many=many)
        need = dim + width if dim >= 0 else -dim - room
        entries[:0] = [None] * (need - len(entries))
        start = dim if dim >= 0 else len(entries) + room + dim
    entries[start : start + width] = new
    if size.dims is None and dim >= 0:
        entries[: start + len(new)] = [None] * (start + len(new))
    return _make(size, entries, many)


def positions(size: Size, dims: Sequence[int]) -> tuple[list[Extent], list[int], int]:
    """The extents, where in them distinct `dims` lie, and how many extents at the front must be forgotten."""
    entries = list(size.known)
    if size.dims is not None:
        rank = len(entries)
        if any(not -rank <= dim < rank for dim in dims) or len({dim % rank for dim in dims}) < len(dims):
            raise IndexError(dims)
        return entries, [dim % rank for dim in dims], 0
    front = max((dim + 1 for dim in dims if dim >= 0), default=0)
    need = max(front, max((-dim for dim in dims), default=0), len(entries))
    while len(found := [dim if dim >= 0 else need + dim for dim in dims]) > len(set(found)):
        need += 1
        if need > 64:
            raise IndexError(dims)
    entries[:0] = [None] * (need - len(entries))
    entries[:front] = [None] * front
    return entries, found, front


def reduce(size: Size, dim: Arg = None, keepdim: Arg = False) -> Size:
    """What sum, mean, max… over `dim` leave, over everything if it is None."""
    if dim is None:
        if keepdim is False:
            return SCALAR
        return Size((1,) * len(size.dims)) if keepdim is True and size.dims is not None else Size(many=False)
    dims = [entry for entry in integers(dim) if entry is not None]
    if not dims or (isinstance(dim, (tuple, list)) and len(dims) < len(dim)):
        return UNKNOWN
    if not size.known and len(dims) == 1 and dims[0] in (0, -1):
        return size if size.dims is not None else UNKNOWN
    entries, found, front = positions(size, dims)
    if keepdim is True:
        kept = [(None if at < front else 1) if at in found else entry for at, entry in enumerate(entries)]
        return _make(size, kept, None)
    rest = _make(size, (entry for at, entry in enumerate(entries) if at not in found), None)
    return rest if keepdim is False else Size(many=rest.many)


def join(left: Extent, right: Extent) -> Extent:
    """What broadcasting makes of two extents."""
    if left == 1:
        return right
    if right == 1 or right is None:
        return left
    if left is None or left == right:
        return right
    raise ValueError(f"{left} and {right} do not broadcast")


def _broadcast_entries(left: Size, right: Size, drop: int = 0) -> list[Extent]:
    a, b = list(left.known), list(right.known)
    if drop:
        a, b = a[:-drop], b[:-drop]
    a[:0] = [None if left.dims is None else 1] * (len(b) - len(a))
    b[:0] = [None if right.dims is None else 1] * (len(a) - len(b))
    return [join(x, y) for x, y in zip(a, b, strict=True)]


def broadcast(left: Size, right: Size) -> Size:
    """What an elementwise operation makes of two sizes."""
    if right is SCALAR:
        return left
    if left is SCALAR:
        return right
    many = True if left.many or right.many else None if left.many is None or right.many is None else False
    if left.dims is None or right.dims is None:
        return Size(None, many, tuple(_broadcast_entries(left, right)))
    if left.dims == right.dims and left.many is many:
        return left
    return Size(tuple(_broadcast_entries(left, right)), many)


def meet(left: Size, right: Size) -> Size:
    """What is known of two tensors that must have the same size."""
    many = right.many if left.many is None else left.many
    a, b = list(left.known), list(right.known)
    a[:0] = [None] * (len(b) - len(a))
    b[:0] = [None] * (len(a) - len(b))
    entries = tuple(y if x is None else x for x, y in zip(a, b, strict=True))
    return Size(None, many, entries) if left.dims is None and right.dims is None else Size(entries, many)


def matmul(left: Size, right: Size) -> Size:
    """`left @ right`."""
    a, b = left.known, right.known
    if left.dims is not None and right.dims is not None:
        if not a or not b:
            raise ValueError("matmul of a scalar")
        if len(b) == 1:
            return Size(a[:-1])
        if len(a) == 1:
            return Size(b[:-2] + b[-1:])
        return Size((*_broadcast_entries(left, right, drop=2), a[-2], b[-1]))
    if right.dims is not None and len(b) == 1:
        return Size(tail=a[:-1])
    if left.dims is not None and len(a) == 1:
        return Size(tail=b[:-2] + b[-1:]) if len(b) > 1 else UNKNOWN
    if len(a) > 1 and len(b) > 1:
        return Size(None, None, (*_broadcast_entries(left, right, drop=2), a[-2], b[-1]))
    if len(b) > 1:  # the left one may be a vector
        return Size(None, Size(tail=b[:-2]).many, b[-1:])
    return Size(many=Size(tail=a[:-1]).many)  # the right one may be a vector


def _sliced(entry: Extent, key: slice) -> Extent:
    bounds: tuple[Arg, Arg, Arg] = (key.start, key.stop, key.step)
    if bounds == (None, None, None):
        return entry
    if entry is None or not all(bound is None or isinstance(bound, int) for bound in bounds):
        return None
    return len(range(*key.indices(entry)))


def _gathered(key: Arg) -> Extent:
    """The extent that a vector of indices or a mask leaves. What may be something else raises a TypeError."""
    if isinstance(key, Size) and key.dims is not None and len(key.dims) == 1:
        return None
    if isinstance(key, list) and all(isinstance(entry, int) for entry in key):
        return None if any(isinstance(entry, bool) for entry in key) else len(key)
    raise TypeError(key)


_KEEPS: Final = (None, Ellipsis, slice(None))


def index(receiver: Size, key: Arg) -> Size:
    """`receiver[key]`. Whether a tensor in the key holds indices or is a mask is not known."""
    keys = key if isinstance(key, tuple) else (key,)
    try:
        return _index(receiver, keys)
    except (TypeError, IndexError, ValueError):
        if len(keys) == 1 and isinstance(key, Size) and key.dims and receiver.dims is not None:
            return Size(tail=(None, *receiver.dims[len(key.dims) :]))
        return UNKNOWN


def _index(receiver: Size, keys: Sequence[Arg]) -> Size:
    split = next((at for at, key in enumerate(keys) if key is Ellipsis), len(keys))
    after = keys[split + 1 :]
    taken = sum(key is not None and key is not Ellipsis for key in keys)
    from_end = sum(key is not None for key in after)
    entries = list(receiver.known)
    if receiver.dims is None:
        entries[:0] = [None] * (taken - len(entries))
    elif taken > len(entries):
        raise IndexError(keys)

    vectors = 0

    def walk(part: Sequence[Arg], at: int) -> list[Extent]:
        nonlocal vectors
        out: list[Extent] = []
        adjacent = False
        for key in part:
            vector = False
            if key is None:
                out.append(1)
            elif isinstance(key, slice):
                out.append(_sliced(entries[at], key))
            elif isinstance(key, bool):
                raise TypeError(key)
            elif not isinstance(key, int) and key is not INT:
                left, vector = _gathered(key), True
                if vectors and not adjacent:  # torch moves the extent to the front
                    raise TypeError(key)
                if vectors:
                    out[-1] = None if left is None or out[-1] is None else join(out[-1], left)
                else:
                    out.append(left)
                vectors += 1
            adjacent = vector
            at += key is not None
        return out

    first = walk(keys[:split], 0)
    last = walk(after, len(entries) - from_end)
    middle = entries[taken - from_end : len(entries) - from_end]
    if receiver.dims is None:
        first = [None] * len(first)
    many = None
    if receiver.many is not None and all(
        key in _KEEPS if isinstance(key, slice) or key is None or key is Ellipsis else receiver.many is False
        for key in keys
    ):
        many = receiver.many if not vectors else None
    return _make(receiver, first + middle + last, many)


def product(entries: Iterable[Extent]) -> Extent:
    """The product of extents, None if it is not known."""
    known = list(entries)
    return None if None in known else math.prod(entry for entry in known if entry is not None)
