"""What the operations of torch on tensors do to sizes."""

# The parameters are those of torch, by whose names calls give them; not all of them matter for the size.
# ruff: noqa: A002

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from gradguard.static.shape_algebra import (
    ANY,
    INT,
    SCALAR,
    UNKNOWN,
    Arg,
    Extent,
    Size,
    broadcast,
    edit,
    integer,
    integers,
    join,
    literal,
    matmul,
    meet,
    positions,
    product,
    reduce,
    size_of,
)

__all__ = [
    "Operation",
    "Result",
    "added",
    "arange",
    "as_other",
    "attention",
    "cat",
    "cdist",
    "chunk",
    "constructor",
    "created",
    "diag",
    "diagonal_function",
    "diff",
    "einsum",
    "expand",
    "expand_as",
    "extremum",
    "eye",
    "fixed_rank",
    "flatten",
    "full",
    "gather",
    "hstack",
    "index_select",
    "keep",
    "kthvalue",
    "leave_out",
    "linspace",
    "main_diagonal",
    "masked_fill",
    "matrix_norm",
    "mode",
    "movedim",
    "mt",
    "multinomial",
    "narrow",
    "new",
    "new_full",
    "new_tensor",
    "norm",
    "normal",
    "of_ranks",
    "one_hot",
    "outer",
    "pad",
    "pairwise_distance",
    "permute",
    "pointwise",
    "quantile",
    "randint",
    "reduced",
    "repeat",
    "repeat_interleave",
    "reshape",
    "scalar",
    "select",
    "similarity",
    "split",
    "squeeze",
    "stack",
    "t",
    "take",
    "tensor",
    "tensordot",
    "tile",
    "topk",
    "transpose",
    "twice",
    "two",
    "unbind",
    "unflatten",
    "unsqueeze",
    "variance",
    "view",
    "vstack",
    "where",
]

Result: TypeAlias = "Size | tuple[Result, ...]"
Operation: TypeAlias = Callable[..., Result]

MOST_PARTS: Final = 64


def keep(input: Arg, *_: Arg, **__: Arg) -> Size:
    return size_of(input)


def scalar(*_: Arg, **__: Arg) -> Size:
    return SCALAR


def twice(operation: Callable[..., Size]) -> Operation:
    def both(*args: Arg, **kwargs: Arg) -> Result:
        size = operation(*args, **kwargs)
        return size, size

    return both


def _shuffled(x: Size) -> Size:
    """The same elements and the same rank."""
    unknown = (None,) * len(x.known)
    return Size(None, x.many, unknown) if x.dims is None else Size(unknown, x.many)


# Creation


def _shape(shape: Sequence[Arg]) -> list[Extent]:
    return integers(shape[0] if len(shape) == 1 else tuple(shape))


def created(*shape: Arg, **kwargs: Arg) -> Size:
    return Size(tuple(_shape((kwargs["size"],) if "size" in kwargs else shape)))


def full(size: Arg, *_: Arg, **__: Arg) -> Size:
    return created(size)


def new(input: Arg, *shape: Arg, **kwargs: Arg) -> Size:
    return created(*shape, **kwargs)


def new_full(input: Arg, size: Arg, *_: Arg, **__: Arg) -> Size:
    return created(size)


def new_tensor(input: Arg, data: Arg, **_: Arg) -> Size:
    return tensor(data)


def tensor(input: Arg, **_: Arg) -> Size:
    if not isinstance(input, (tuple, list)):
        return size_of(input)
    if not input:
        return Size((0,))
    inner = tensor(input[0])
    if isinstance(input[0], Size) and inner is not SCALAR:
        return Size(many=None if len(input) == 1 else True)
    if inner.dims is None:
        return Size(many=inner.many if len(input) == 1 else True)
    return Size((len(input), *inner.dims))


def constructor(*args: Arg, **_: Arg) -> Size:
    if len(args) == 1 and not isinstance(args[0], int):
        return tensor(args[0])
    return created(*args) if args else Size((0,))


def arange(start: Arg, end: Arg = None, step: Arg = 1, **kwargs: Arg) -> Size:
    if end is None:
        start, end = 0, start
    bounds = [bound for bound in (start, end, step) if isinstance(bound, (int, float))]
    if len(bounds) < 3 or ("dtype" in kwargs and any(isinstance(bound, float) for bound in bounds)):
        return Size((None,))
    return Size((math.ceil((bounds[1] - bounds[0]) / bounds[2]),))


def linspace(start: Arg, end: Arg, steps: Arg, *_: Arg, **__: Arg) -> Size:
    return Size((integer(steps),))


def eye(n: Arg, m: Arg = None, **_: Arg) -> Size:
    return Size((integer(n), integer(n if m is None else m)))


def randint(*args: Arg, **kwargs: Arg) -> Size:
    return created(kwargs["size"] if "size" in kwargs else args[-1])


def normal(mean: Arg = 0.0, std: Arg = 1.0, size: Arg = None, **_: Arg) -> Size:
    return created(size) if size is not None else broadcast(size_of(mean), size_of(std))


def multinomial(input: Arg, num_samples: Arg, *_: Arg, **__: Arg) -> Size:
    return edit(size_of(input), -1, (integer(num_samples),))


# Elementwise operations


def pointwise(*args: Arg, **kwargs: Arg) -> Size:
    operands = [*args, *(kwargs[name] for name in kwargs.keys() & _OPERANDS)]
    sizes = [size_of(arg) for arg in operands if arg is not None]
    out = sizes[0]
    for size in sizes[1:]:
        out = broadcast(out, size)
    return out


_OPERANDS: Final = frozenset(
    "input other min max end weight tensor1 tensor2 exponent x1 x2 self condition mask target".split()
)


def where(condition: Arg, *values: Arg, **kwargs: Arg) -> Size:
    return pointwise(condition, *values, **kwargs) if values or kwargs else UNKNOWN


def masked_fill(input: Arg, mask: Arg, *_: Arg, **__: Arg) -> Size:
    return broadcast(size_of(input), size_of(mask))


# Reductions


def reduced(input: Arg, dim: Arg = None, keepdim: Arg = False, **_: Arg) -> Size:
    if isinstance(dim, (tuple, list)) and not dim:
        return UNKNOWN  # over everything for sum, over nothing for any
    return reduce(size_of(input), dim, keepdim)


def norm(input: Arg, p: Arg = None, dim: Arg = None, keepdim: Arg = False, **_: Arg) -> Size:
    return reduced(input, dim, keepdim)


def matrix_norm(input: Arg, ord: Arg = "fro", dim: Arg = (-2, -1), keepdim: Arg = False, **_: Arg) -> Size:
    return reduced(input, dim, keepdim)


def variance(input: Arg, dim: Arg = None, unbiased: Arg = None, keepdim: Arg = False, **_: Arg) -> Size:
    return reduced(input, None if isinstance(dim, bool) else dim, keepdim)


def extremum(input: Arg, dim: Arg = None, keepdim: Arg = False, **kwargs: Arg) -> Result:
    dim = kwargs.get("other", dim)
    if isinstance(dim, Size):
        return broadcast(size_of(input), dim)
    size = reduced(input, dim, keepdim)
    return size if dim is None else (size, size)


def mode(input: Arg, dim: Arg = -1, keepdim: Arg = False, **_: Arg) -> Result:
    size = reduced(input, dim, keepdim)
    return size, size


def kthvalue(input: Arg, k: Arg, dim: Arg = -1, keepdim: Arg = False, **_: Arg) -> Result:
    return mode(input, dim, keepdim)


def topk(input: Arg, k: Arg, dim: Arg = -1, *_: Arg, **__: Arg) -> Result:
    x = size_of(input)
    size = x if x.dims == () else edit(x, literal(dim), (integer(k),), zero_rank=True)
    return size, size


def quantile(input: Arg, q: Arg, dim: Arg = None, keepdim: Arg = False, **_: Arg) -> Size:
    return reduced(input, dim, keepdim) if isinstance(q, (int, float)) or q is SCALAR else UNKNOWN


def leave_out(count: int, input: Arg, *_: Arg, **__: Arg) -> Size:
    x = size_of(input)
    if x.dims is None:
        return Size(tail=x.tail[:-count])
    if len(x.dims) < count:
        raise IndexError(count)
    return Size(x.dims[:-count])


# Shape operations


def view(input: Arg, *shape: Arg, **kwargs: Arg) -> Size:
    x = size_of(input)
    wanted = kwargs.get("shape", kwargs.get("size", shape[0] if len(shape) == 1 else shape))
    entries: list[Extent] = [None if entry == -1 else entry for entry in integers(wanted)]
    if entries.count(None) == 1:
        total = product(x.known) if x.dims is not None else None
        rest = math.prod(entry for entry in entries if entry is not None)
        if total is not None and rest:
            entries[entries.index(None)] = total // rest
    return Size(tuple(entries), x.many)


def reshape(input: Arg, *shape: Arg, **kwargs: Arg) -> Size:
    if shape == (ANY,) or kwargs.get("shape") is ANY:  # for a view it might be a dtype, which changes the size
        return Size(many=size_of(input).many)
    return view(input, *shape, **kwargs)


def flatten(input: Arg, start_dim: Arg = 0, end_dim: Arg = -1, **_: Arg) -> Size:
    x, start, end = size_of(input), literal(start_dim), literal(end_dim)
    if x.dims == ():
        return Size((1,))
    if x.dims is not None:
        rank = len(x.dims)
        start, end = start % rank, end % rank
        return Size((*x.dims[:start], product(x.dims[start : end + 1]), *x.dims[end + 1 :]), x.many)
    if start >= 0 and end == -1:
        return Size((None,) * (start + 1), x.many)
    return Size(many=x.many)


def squeeze(input: Arg, dim: Arg = None, **_: Arg) -> Size:
    x = size_of(input)
    entries: list[Extent] = list(x.known)
    targets: Sequence[int] = range(len(entries)) if dim is None else ()
    doubt = 0  # below this position, whether an extent is asked for is not known
    if dim is not None and x.dims != ():
        dims = integers(dim)
        doubt = len(entries)
        if None not in dims:
            padded, targets, doubt = positions(x, [entry for entry in dims if entry is not None])
            entries[:0] = [None] * (len(padded) - len(entries))
    kept: list[Extent] = []
    for at in reversed(range(len(entries))):
        entry = entries[at]
        if (at in targets or at < doubt) and (entry is None or (entry == 1 and at < doubt)):
            return Size(None, x.many, tuple(kept))
        if entry != 1 or at not in targets:
            kept.insert(0, entry)
    return Size(None, x.many, tuple(kept)) if x.dims is None else Size(tuple(kept), x.many)


def unsqueeze(input: Arg, dim: Arg, **_: Arg) -> Size:
    x = size_of(input)
    at = integer(dim)
    if at is not None:
        return edit(x, at, (1,), width=0, many=x.many)
    return _shuffled(Size(None if x.dims is None else (None, *x.dims), x.many, (None, *x.tail)))


def transpose(input: Arg, dim0: Arg, dim1: Arg, **_: Arg) -> Size:
    x, a, b = size_of(input), integer(dim0), integer(dim1)
    if a is None or b is None:
        return _shuffled(x)
    if x.dims is not None:
        entries, rank = list(x.dims), max(len(x.dims), 1)
        if rank > 1:
            entries[a % rank], entries[b % rank] = entries[b % rank], entries[a % rank]
        return Size(tuple(entries), x.many)
    if a == b:
        return x
    if (a < 0) != (b < 0):  # they may be the same
        return _shuffled(x)
    entries, (at, to), _front = positions(x, (a, b))
    entries[at], entries[to] = entries[to], entries[at]
    return Size(None, x.many, tuple(entries))


def t(input: Arg, **_: Arg) -> Size:
    x = size_of(input)
    return Size(x.dims[::-1], x.many) if x.dims is not None else Size(many=x.many)


def mt(input: Arg, **_: Arg) -> Size:
    x = size_of(input)
    if x.dims is not None and len(x.dims) < 2:
        return x
    if x.dims is None and len(x.tail) < 2:
        return Size(many=x.many)
    return edit(x, -2, x.known[:-3:-1], width=2, many=x.many)


def permute(input: Arg, *dims: Arg, **kwargs: Arg) -> Size:
    x, order = size_of(input), _shape((kwargs["dims"],) if "dims" in kwargs else dims)
    entries = [None] * (len(order) - len(x.known)) + list(x.known)
    if len(entries) != len(order):
        raise ValueError(order)
    return Size(tuple(None if at is None else entries[at] for at in order), x.many)


def movedim(input: Arg, source: Arg, destination: Arg, **_: Arg) -> Size:
    x, source, destination = size_of(input), integer(source), integer(destination)
    if x.dims is None or source is None or destination is None:
        return _shuffled(x)
    entries, rank = list(x.dims), max(len(x.dims), 1)
    if entries:
        entries.insert(destination % rank, entries.pop(source % rank))
    return Size(tuple(entries), x.many)


def expand(input: Arg, *sizes: Arg, **kwargs: Arg) -> Size:
    x = size_of(input)
    if sizes == (ANY,) or ANY in kwargs.values():
        return broadcast(x, UNKNOWN)
    asked = _shape((kwargs["size"],) if "size" in kwargs else sizes)
    had = [None if x.dims is None else 1] * (len(asked) - len(x.known)) + list(x.known)
    if len(had) != len(asked):
        raise ValueError(asked)
    entries = [(None if h == 1 else h) if a is None else h if a == -1 else a for a, h in zip(asked, had, strict=True)]
    return Size(tuple(entries), x.many or None)


def expand_as(input: Arg, other: Arg, **_: Arg) -> Size:
    return meet(size_of(other), broadcast(size_of(input), size_of(other)))


def as_other(input: Arg, other: Arg, **_: Arg) -> Size:
    x, size = size_of(input), size_of(other)
    return Size(size.dims, x.many if size.many is None else size.many, size.tail)


def repeat(input: Arg, *sizes: Arg, **kwargs: Arg) -> Size:
    x = size_of(input)
    if sizes == (ANY,):
        return Size(many=x.many or None)
    asked = _shape((kwargs["repeats"],) if "repeats" in kwargs else sizes)
    many = x.many or Size(tuple(asked)).many or None
    had = [None if x.dims is None else 1] * (len(asked) - len(x.known)) + list(x.known)
    if len(had) != len(asked):
        raise ValueError(asked)
    return Size(tuple(product(pair) for pair in zip(asked, had, strict=True)), many)


def tile(input: Arg, *dims: Arg, **kwargs: Arg) -> Size:
    x = size_of(input)
    asked = _shape((kwargs["dims"],) if "dims" in kwargs else dims)
    if x.dims is None:
        return Size(many=x.many or Size(tuple(asked)).many or None)
    return repeat(x, *([1] * (len(x.dims) - len(asked)) + [INT if entry is None else entry for entry in asked]))


def repeat_interleave(input: Arg, repeats: Arg = None, dim: Arg = None, **_: Arg) -> Size:
    x = size_of(input)
    times = repeats if isinstance(repeats, int) else None
    many = (x.many or None) if times is not None else None
    if dim is None:
        return Size((product((times, *x.known)) if x.dims is not None else None,), many)
    at = literal(dim)
    if x.dims == () or (x.dims is None and at not in range(-len(x.tail), 0)):
        return Size(many=many)
    return edit(x, at, (product((times, x.known[at])),), many=many)


def cat(tensors: Arg, dim: Arg = 0, **_: Arg) -> Size:
    if not isinstance(tensors, (tuple, list)):
        return UNKNOWN
    sizes = [size_of(tensor) for tensor in tensors]
    if all(size.many for size in sizes) or sum(size.many is False for size in sizes) > 1:
        many: bool | None = True
    else:
        many = sizes[0].many if len(sizes) == 1 else None
    ranks = {len(size.dims) for size in sizes if size.dims is not None}
    if len(ranks) > 1:  # torch leaves out vectors without elements, whatever the rank of the others
        ranks.discard(1)
    if len(ranks) != 1 or (at := integer(dim)) is None:
        return Size(many=many)
    rank = ranks.pop()
    if rank == 1 and any(size.dims is None for size in sizes) and not any(size.dims and size.dims[0] for size in sizes):
        return Size(many=many)
    parts = [size for size in sizes if size.dims is not None and len(size.dims) == rank]
    whole = parts[0]
    for part in parts[1:]:
        whole = meet(whole, part)
    entries = list(whole.known)
    lengths = [size.known[at] for size in parts if size.known[at] is not None]
    whole_known = len(lengths) == len(parts) and all(size.dims is not None for size in sizes)
    entries[at] = sum(filter(None, lengths)) if whole_known else None
    return Size(tuple(entries), many)


def stack(tensors: Arg, dim: Arg = 0, **_: Arg) -> Size:
    if not isinstance(tensors, (tuple, list)):
        return UNKNOWN
    one = size_of(tensors[0])
    for tensor in tensors[1:]:
        one = meet(one, size_of(tensor))
    many = one.many if len(tensors) == 1 else True
    at = integer(dim)
    return Size(many=many) if at is None else edit(one, at, (len(tensors),), width=0, many=many)


def hstack(tensors: Arg, **_: Arg) -> Size:
    if isinstance(tensors, (tuple, list)):
        sizes = [size_of(tensor) for tensor in tensors]
        if all(size.dims for size in sizes):
            return cat(tensors, 0 if len(sizes[0].known) == 1 else 1)
    return UNKNOWN


def vstack(tensors: Arg, **_: Arg) -> Size:
    if isinstance(tensors, (tuple, list)):
        sizes = [size_of(tensor) for tensor in tensors]
        if all(size.dims is not None for size in sizes):
            return cat([Size((1,) * (2 - len(size.known)) + size.known, size.many) for size in sizes])
    return UNKNOWN


def _parts(x: Size, dim: int, lengths: Sequence[Extent]) -> Result:
    if len(lengths) > MOST_PARTS:
        return UNKNOWN
    made = {length: edit(x, dim, (length,)) for length in set(lengths)}
    return tuple(made[length] for length in lengths)


def _length(x: Size, dim: int) -> int:
    if x.dims is None and not -len(x.tail) <= dim < 0:
        raise TypeError(dim)
    return literal(ANY if (entry := x.known[dim]) is None else entry)


def split(input: Arg, split_size_or_sections: Arg = None, dim: Arg = 0, **kwargs: Arg) -> Result:
    x, at = size_of(input), literal(dim)
    sections = kwargs.get("split_size", split_size_or_sections)
    if isinstance(sections, (tuple, list)):
        return _parts(x, at, integers(sections))
    each, length = literal(sections), _length(x, at)
    return _parts(x, at, [min(each, length - start) for start in range(0, length, each)] or [0])


def chunk(input: Arg, chunks: Arg, dim: Arg = 0, **_: Arg) -> Result:
    x, at = size_of(input), literal(dim)
    each = -(-_length(x, at) // literal(chunks))
    return split(x, each, at) if each else _parts(x, at, [0] * literal(chunks))


def unbind(input: Arg, dim: Arg = 0, **_: Arg) -> Result:
    x, at = size_of(input), literal(dim)
    length = _length(x, at)
    return (edit(x, at, ()),) * length if length <= MOST_PARTS else UNKNOWN


def select(input: Arg, dim: Arg, *_: Arg, **__: Arg) -> Size:
    x, at = size_of(input), integer(dim)
    if at is None:
        return Size((None,) * (len(x.dims) - 1)) if x.dims else UNKNOWN
    return edit(x, at, ())


def narrow(input: Arg, dim: Arg, start: Arg, length: Arg, **_: Arg) -> Size:
    return edit(size_of(input), literal(dim), (integer(length),))


def gather(input: Arg, dim: Arg, index: Arg, **_: Arg) -> Size:
    return size_of(index)


def take(input: Arg, index: Arg, **_: Arg) -> Size:
    return size_of(index)


def index_select(input: Arg, dim: Arg, index: Arg, **_: Arg) -> Size:
    chosen = size_of(index)
    length = product(chosen.known) if chosen.dims is not None else None
    return edit(size_of(input), literal(dim), (length,), zero_rank=True)


def main_diagonal(input: Arg, offset: Arg = 0, dim1: Arg = 0, dim2: Arg = 1, **_: Arg) -> Size:
    x = size_of(input)
    entries, (a, b), _front = positions(x, (literal(dim1), literal(dim2)))
    rest = [entry for at, entry in enumerate(entries) if at not in (a, b)]
    rows, columns, shift = entries[a], entries[b], integer(offset)
    length = None
    if rows is not None and columns is not None and shift is not None:
        length = max(0, min(rows + min(shift, 0), columns - max(shift, 0)))
    return Size((*rest, length)) if x.dims is not None else Size(tail=(*rest, length))


def diagonal_function(input: Arg, *args: Arg, **kwargs: Arg) -> Size:
    plane = len(size_of(input).known) == 2 and size_of(input).dims is not None
    if not plane and (len(args) < 3 and "dim1" not in kwargs):
        return UNKNOWN  # torch.diagonal and torch.linalg.diagonal differ in their defaults
    return main_diagonal(input, *args, **kwargs)


def diag(input: Arg, diagonal: Arg = 0, **_: Arg) -> Size:
    x, shift = size_of(input), literal(diagonal)
    if x.dims is None:
        return UNKNOWN
    if len(x.dims) == 1:
        side = None if x.dims[0] is None else x.dims[0] + abs(shift)
        return Size((side, side), True if abs(shift) > 1 else None if shift else x.many)
    return main_diagonal(x, shift)


def diff(input: Arg, n: Arg = 1, dim: Arg = -1, prepend: Arg = None, append: Arg = None, **_: Arg) -> Size:
    x, at, less = size_of(input), literal(dim), integer(n)
    if not less:
        return x if less == 0 else UNKNOWN
    length: Extent = None
    if prepend is None and append is None and (x.dims is not None or at < 0):
        length = x.known[at] if -len(x.known) <= at < len(x.known) else None
        length = None if length is None else max(0, length - less)
    return edit(x, at, (length,))


def unflatten(input: Arg, dim: Arg, sizes: Arg = None, **kwargs: Arg) -> Size:
    x, at, parts = size_of(input), literal(dim), integers(kwargs.get("unflattened_size", sizes))
    if -1 in parts:
        whole = x.known[at] if at in range(-len(x.known), 0 if x.dims is None else len(x.known)) else None
        rest = product(1 if entry == -1 else entry for entry in parts)
        parts[parts.index(-1)] = whole // rest if whole is not None and rest else None
    return edit(x, at, parts, many=x.many)


def pad(input: Arg, pad: Arg, *_: Arg, **__: Arg) -> Size:
    x, amounts = size_of(input), integers(pad)
    entries = [None] * (len(amounts) // 2 - len(x.known)) + list(x.known)
    for at, (before, after) in enumerate(zip(amounts[::2], amounts[1::2], strict=True), 1):
        had = entries[-at]
        entries[-at] = None if had is None or before is None or after is None else had + before + after
    return Size(tuple(entries)) if x.dims is not None else Size(tail=tuple(entries))


def one_hot(input: Arg, num_classes: Arg = -1, **_: Arg) -> Size:
    x, classes = size_of(input), integer(num_classes)
    added = None if classes == -1 else classes
    return edit(x, -1, (added,), width=0, many=(x.many or None) if added else None)


# Products


def fixed_rank(rank: int, input: Arg) -> Size:
    x = size_of(input)
    if x.dims is not None and len(x.dims) != rank:
        raise ValueError(rank)
    return meet(Size((None,) * rank), x) if x.dims is None else x


def of_ranks(left_rank: int, right_rank: int, input: Arg, other: Arg, *_: Arg, **__: Arg) -> Size:
    return matmul(fixed_rank(left_rank, input), fixed_rank(right_rank, other))


def two(operation: Callable[[Size, Size], Size], input: Arg, other: Arg, *_: Arg, **__: Arg) -> Size:
    return operation(size_of(input), size_of(other))


def added(left_rank: int, right_rank: int, input: Arg, left: Arg, right: Arg, *_: Arg, **__: Arg) -> Size:
    return of_ranks(left_rank, right_rank, left, right)


def outer(input: Arg, other: Arg, **_: Arg) -> Size:
    (a,), (b,) = fixed_rank(1, input).known, fixed_rank(1, other).known
    return Size((a, b), size_of(input).many or size_of(other).many or None)


def einsum(equation: Arg, *operands: Arg, **_: Arg) -> Size:
    if not isinstance(equation, str) or "." in equation:
        return UNKNOWN
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    lengths: dict[str, Extent] = {}
    for letters, operand in zip(inputs.split(","), operands, strict=True):
        for letter, length in zip(letters, fixed_rank(len(letters), operand).known, strict=True):
            lengths[letter] = join(lengths.get(letter, 1), length)
    if not arrow:
        output = "".join(sorted(letter for letter in lengths if inputs.count(letter) == 1))
    return Size(tuple(lengths[letter] for letter in output))


def tensordot(a: Arg, b: Arg, dims: Arg = 2, **_: Arg) -> Size:
    x, y, count = size_of(a), size_of(b), literal(dims)
    if x.dims is None or y.dims is None:
        return UNKNOWN
    return Size(x.dims[: len(x.dims) - count] + y.dims[count:])


def similarity(x1: Arg, x2: Arg, dim: Arg = 1, *_: Arg, **__: Arg) -> Size:
    return reduce(broadcast(size_of(x1), size_of(x2)), literal(dim))


def pairwise_distance(x1: Arg, x2: Arg, p: Arg = 2, eps: Arg = 0, keepdim: Arg = False, **_: Arg) -> Size:
    return reduce(broadcast(size_of(x1), size_of(x2)), -1, keepdim)


def cdist(x1: Arg, x2: Arg, *_: Arg, **__: Arg) -> Size:
    return matmul(_matrix(size_of(x1)), mt(_matrix(size_of(x2))))


def _matrix(x: Size) -> Size:
    return x if x.dims is not None else Size(None, x.many, (None,) * (2 - len(x.tail)) + x.tail)


def attention(query: Arg, key: Arg, value: Arg, *_: Arg, **__: Arg) -> Size:
    q, k, v = (size_of(arg) for arg in (query, key, value))
    last = (q.known[-2] if len(q.known) > 1 else None, v.known[-1] if v.known else None)
    if q.dims is None or k.dims is None or v.dims is None or not len(q.dims) == len(k.dims) == len(v.dims):
        return Size(tail=last)
    # torch does not ask whether empty batches fit together, so only extents that agree are sure
    batch = (a if a == b == c else None for a, b, c in zip(q.dims[:-2], k.dims[:-2], v.dims[:-2], strict=True))
    return Size((*batch, *last))
