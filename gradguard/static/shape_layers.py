"""What the layers and losses of torch do to sizes, as modules and as functions."""

# The parameters are those of torch, by whose names calls give them; not all of them matter for the size.
# ruff: noqa: A002

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from gradguard.static.shape_algebra import (
    ANY,
    SCALAR,
    UNKNOWN,
    Arg,
    Extent,
    Size,
    broadcast,
    edit,
    integer,
    integers,
    literal,
    meet,
    product,
    reduce,
    size_of,
)
from gradguard.static.shape_operations import (
    Result,
    fixed_rank,
    flatten,
    pad,
)

__all__ = [
    "LOSSES",
    "adaptive_pool",
    "avg_pool",
    "bilinear",
    "cell",
    "conv",
    "conv_function",
    "conv_transpose",
    "distance_loss",
    "embedding",
    "embedding_bag",
    "embedding_module",
    "flatten_module",
    "glu",
    "gru",
    "interpolate",
    "lazy_conv",
    "lazy_linear",
    "linear",
    "linear_module",
    "loss",
    "lstm",
    "max_pool",
    "max_pool_module",
    "multihead",
    "pad_module",
    "pixel_shuffle",
    "rnn",
    "transformer",
]


def linear(input: Arg, weight: Arg, *_: Arg, **__: Arg) -> Size:
    w = size_of(weight)
    if w.dims is None or not w.dims:
        return UNKNOWN
    return edit(size_of(input), -1, w.dims[:-1])


def embedding(input: Arg, weight: Arg, *_: Arg, **__: Arg) -> Size:
    return _embedded(input, fixed_rank(2, weight).known[1])


def _embedded(input: Arg, features: Extent) -> Size:
    x = size_of(input)
    return edit(x, -1, (features,), width=0, many=x.many or None)


def _each(count: int, arg: Arg) -> list[Extent]:
    """A parameter of a layer over `count` spatial extents: one int for all of them, or a sequence."""
    values: list[Extent] = [None] if arg is ANY else integers(arg)
    return values if len(values) == count else values * count


def _spatial(count: int, input: Arg, channels: Sequence[Extent], change: Callable[[int, Extent], Extent]) -> Size:
    x = size_of(input)
    spatial = [None] * (count - len(x.known)) + list(x.known[-count:])
    after = (*channels, *(change(at, entry) for at, entry in enumerate(spatial)))
    if x.dims is None:
        if channels:
            return Size(tail=after)
        channel = x.tail[-count - 1] if len(x.tail) > count else None
        return Size(tail=(channel, *after))
    if len(x.dims) not in (count + 1, count + 2):
        raise ValueError(count)
    return Size(x.dims[: len(x.dims) - count - (1 if channels else 0)] + after)


def _window(
    count: int,
    input: Arg,
    channels: Sequence[Extent],
    kernel: Arg,
    stride: Arg = None,
    padding: Arg = 0,
    dilation: Arg = 1,
    ceil_mode: Arg = False,
) -> Size:
    same = padding == "same"
    kernels, dilations = _each(count, kernel), _each(count, dilation)
    strides = kernels if stride is None else _each(count, stride)
    paddings = _each(count, 0 if isinstance(padding, str) else padding)

    def change(at: int, entry: Extent) -> Extent:
        k, s, p, d = kernels[at], strides[at], paddings[at], dilations[at]
        if same:
            return entry
        if entry is None or k is None or s is None or p is None or d is None or not isinstance(ceil_mode, bool):
            return None
        free = entry + 2 * p - d * (k - 1) - 1
        out = (-(-free // s) if ceil_mode else free // s) + 1
        if ceil_mode and (out - 1) * s >= entry + p:
            out -= 1
        return out

    return _spatial(count, input, channels, change)


def conv_function(
    count: int,
    input: Arg,
    weight: Arg,
    bias: Arg = None,
    stride: Arg = 1,
    padding: Arg = 0,
    dilation: Arg = 1,
    *_: Arg,
    **__: Arg,
) -> Size:
    w = fixed_rank(count + 2, weight).known
    kernel: Arg = tuple(ANY if entry is None else entry for entry in w[2:])
    return _window(count, input, w[:1], kernel, stride, padding, dilation)


def conv(
    count: int,
    input: Arg,
    in_channels: Arg,
    out_channels: Arg,
    kernel_size: Arg,
    stride: Arg = 1,
    padding: Arg = 0,
    dilation: Arg = 1,
    *_: Arg,
    **__: Arg,
) -> Size:
    return _window(count, input, (integer(out_channels),), kernel_size, stride, padding, dilation)


def lazy_conv(count: int, input: Arg, *config: Arg, **kwargs: Arg) -> Size:
    return conv(count, input, ANY, *config, **kwargs)


def conv_transpose(
    count: int,
    input: Arg,
    in_channels: Arg,
    out_channels: Arg,
    kernel_size: Arg,
    stride: Arg = 1,
    padding: Arg = 0,
    output_padding: Arg = 0,
    groups: Arg = 1,
    bias: Arg = True,
    dilation: Arg = 1,
    *_: Arg,
    **__: Arg,
) -> Size:
    values = [_each(count, arg) for arg in (kernel_size, stride, padding, output_padding, dilation)]

    def change(at: int, entry: Extent) -> Extent:
        k, s, p, extra, d = (value[at] for value in values)
        if entry is None or k is None or s is None or p is None or extra is None or d is None:
            return None
        return (entry - 1) * s - 2 * p + d * (k - 1) + extra + 1

    return _spatial(count, input, (integer(out_channels),), change)


def max_pool(
    count: int,
    input: Arg,
    kernel_size: Arg,
    stride: Arg = None,
    padding: Arg = 0,
    dilation: Arg = 1,
    ceil_mode: Arg = False,
    return_indices: Arg = False,
) -> Result:
    size = _window(count, input, (), kernel_size, stride, padding, dilation, ceil_mode)
    return size if return_indices is False else (size, size) if return_indices is True else UNKNOWN


def max_pool_module(
    count: int,
    input: Arg,
    kernel_size: Arg,
    stride: Arg = None,
    padding: Arg = 0,
    dilation: Arg = 1,
    return_indices: Arg = False,
    ceil_mode: Arg = False,
) -> Result:
    return max_pool(count, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool(
    count: int,
    input: Arg,
    kernel_size: Arg,
    stride: Arg = None,
    padding: Arg = 0,
    ceil_mode: Arg = False,
    *_: Arg,
    **__: Arg,
) -> Size:
    return _window(count, input, (), kernel_size, stride, padding, 1, ceil_mode)


def adaptive_pool(count: int, input: Arg, output_size: Arg, return_indices: Arg = False) -> Result:
    wanted = list(output_size) if isinstance(output_size, (tuple, list)) else [output_size] * count

    def change(at: int, entry: Extent) -> Extent:
        asked = wanted[at]
        return entry if asked is None else integer(asked)

    size = _spatial(count, input, (), change)
    return size if return_indices is False else (size, size) if return_indices is True else UNKNOWN


def interpolate(input: Arg, size: Arg = None, scale_factor: Arg = None, *_: Arg, **__: Arg) -> Size:
    x = size_of(input)
    if x.dims is None:
        return UNKNOWN
    count = len(x.dims) - 2
    if size is not None:
        return Size((*x.dims[:2], *_each(count, size)))
    factors = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * count
    spatial = (
        math.floor(entry * factor) if entry is not None and isinstance(factor, (int, float)) else None
        for entry, factor in zip(x.dims[2:], factors, strict=True)
    )
    return Size((*x.dims[:2], *spatial))


def pixel_shuffle(input: Arg, upscale_factor: Arg) -> Size:
    factor = literal(upscale_factor)
    x = size_of(input)
    known = (None,) * (3 - len(x.known)) + x.known
    channels, height, width = known[-3:]
    after = (
        None if channels is None else channels // factor**2,
        None if height is None else height * factor,
        None if width is None else width * factor,
    )
    return Size((*x.dims[:-3], *after), x.many) if x.dims is not None else Size(None, x.many, (*known[:-3], *after))


def pad_module(count: int, input: Arg, padding: Arg, *_: Arg, **__: Arg) -> Size:
    return pad(input, [padding] * (2 * count) if isinstance(padding, int) else padding)


def glu(input: Arg, dim: Arg = -1) -> Size:
    x, at = size_of(input), literal(dim)
    entry = x.known[at] if -len(x.known) <= at < (0 if x.dims is None else len(x.known)) else None
    return edit(x, at, (None if entry is None else entry // 2,))


def flatten_module(input: Arg, start_dim: Arg = 1, end_dim: Arg = -1) -> Size:
    return flatten(input, start_dim, end_dim)


def transformer(source: Arg, target: Arg, *_: Arg, **__: Arg) -> Size:
    return size_of(target)


def linear_module(input: Arg, in_features: Arg, out_features: Arg, *_: Arg, **__: Arg) -> Size:
    return edit(size_of(input), -1, (integer(out_features),))


def lazy_linear(input: Arg, out_features: Arg, *_: Arg, **__: Arg) -> Size:
    return linear_module(input, ANY, out_features)


def bilinear(input: Arg, other: Arg, in1: Arg, in2: Arg, out_features: Arg, *_: Arg, **__: Arg) -> Size:
    x, y = size_of(input), size_of(other)
    return edit(meet(edit(x, -1, (None,)), edit(y, -1, (None,))), -1, (integer(out_features),))


def embedding_module(input: Arg, num_embeddings: Arg, embedding_dim: Arg, *_: Arg, **__: Arg) -> Size:
    return _embedded(input, integer(embedding_dim))


def embedding_bag(input: Arg, num_embeddings: Arg, embedding_dim: Arg, *_: Arg, **__: Arg) -> Size:
    x = size_of(input)
    bags = x.dims[0] if x.dims is not None and len(x.dims) == 2 else None
    return Size((bags, integer(embedding_dim)))


def _recurrent(
    input: Arg,
    input_size: Arg,
    hidden_size: Arg,
    num_layers: Arg = 1,
    bias: Arg = True,
    batch_first: Arg = False,
    dropout: Arg = 0.0,
    bidirectional: Arg = False,
    proj_size: Arg = 0,
    **_: Arg,
) -> tuple[Size, Size, Size]:
    x = size_of(input)
    hidden, layers, projected = integer(hidden_size), integer(num_layers), integer(proj_size)
    ways = 1 + bidirectional if isinstance(bidirectional, bool) else None
    out = hidden if projected == 0 else projected
    state: list[Extent] = [product((ways, layers)), out]
    cell: list[Extent] = [state[0], hidden]
    if x.dims is None:
        return (
            Size(tail=(None, product((ways, out)))),
            Size(None, Size(tuple(state)).many, (None, out)),
            Size(None, Size(tuple(cell)).many, (None, hidden)),
        )
    if len(x.dims) == 3:
        batch = x.dims[1 - batch_first] if isinstance(batch_first, bool) else None
        state.insert(1, batch)
        cell.insert(1, batch)
    return Size((*x.dims[:-1], product((ways, out)))), Size(tuple(state)), Size(tuple(cell))


def gru(*args: Arg, **kwargs: Arg) -> Result:
    return _recurrent(*args, **kwargs)[:2]


def rnn(input: Arg, input_size: Arg, hidden_size: Arg, num_layers: Arg = 1, *rest: Arg, **kwargs: Arg) -> Result:
    kwargs.pop("nonlinearity", None)
    return _recurrent(input, input_size, hidden_size, num_layers, *rest[1:], **kwargs)[:2]


def lstm(*args: Arg, **kwargs: Arg) -> Result:
    out, state, cell = _recurrent(*args, **kwargs)
    return out, (state, cell)


def cell(input: Arg, input_size: Arg, hidden_size: Arg, *_: Arg, **__: Arg) -> Size:
    return edit(size_of(input), -1, (integer(hidden_size),))


def multihead(query: Arg, *_: Arg, **__: Arg) -> Result:
    return size_of(query), UNKNOWN


# Losses


def _pointwise_loss(tensors: Sequence[Size]) -> Size:
    return broadcast(tensors[0], tensors[1])


def _ranking_loss(tensors: Sequence[Size]) -> Size:
    return broadcast(broadcast(tensors[0], tensors[1]), tensors[2])


def _same_size_loss(tensors: Sequence[Size]) -> Size:
    return meet(tensors[0], tensors[1])


def _row_loss(tensors: Sequence[Size]) -> Size:
    return reduce(broadcast(tensors[0], tensors[1]), -1)


def _margin_loss(tensors: Sequence[Size]) -> Size:
    x = tensors[0]
    if x.dims is None:
        return UNKNOWN
    return Size(x.dims[:1]) if len(x.dims) == 2 else Size(many=False)


def _class_loss(tensors: Sequence[Size]) -> Size:
    x, target = tensors
    if x.dims is None:
        return SCALAR if target.dims == () else UNKNOWN
    if len(x.dims) == 1:
        return SCALAR
    batch = x.dims[0] if x.dims[0] is not None or not target.dims else target.dims[0]
    return Size((batch, *x.dims[2:]))


def _ctc_loss(tensors: Sequence[Size]) -> Size:
    x = tensors[0]
    if x.dims is None:
        return UNKNOWN
    return Size((x.dims[1],)) if len(x.dims) == 3 else SCALAR


LOSSES: Final[tuple[tuple[str, str, Callable[[Sequence[Size]], Size], str, str], ...]] = tuple(
    (function, module, without_reduction, tensors, parameters.replace("OLD", "size_average reduce reduction"))
    for function, module, without_reduction, tensors, parameters in (
        ("mse_loss", "MSELoss", _pointwise_loss, "input target", "OLD weight"),
        ("l1_loss", "L1Loss", _pointwise_loss, "input target", "OLD weight"),
        ("smooth_l1_loss", "SmoothL1Loss", _pointwise_loss, "input target", "OLD beta"),
        ("huber_loss", "HuberLoss", _pointwise_loss, "input target", "reduction delta weight"),
        ("kl_div", "KLDivLoss", _pointwise_loss, "input target", "OLD log_target"),
        ("soft_margin_loss", "SoftMarginLoss", _pointwise_loss, "input target", "OLD"),
        ("hinge_embedding_loss", "HingeEmbeddingLoss", _pointwise_loss, "input target", "margin OLD"),
        ("gaussian_nll_loss", "GaussianNLLLoss", _pointwise_loss, "input target var", "full eps reduction"),
        (
            "poisson_nll_loss",
            "PoissonNLLLoss",
            _pointwise_loss,
            "input target",
            "log_input full size_average eps reduce reduction",
        ),
        ("binary_cross_entropy", "BCELoss", _same_size_loss, "input target", "weight OLD"),
        (
            "binary_cross_entropy_with_logits",
            "BCEWithLogitsLoss",
            _same_size_loss,
            "input target",
            "weight OLD pos_weight",
        ),
        ("margin_ranking_loss", "MarginRankingLoss", _ranking_loss, "input1 input2 target", "margin OLD"),
        ("cosine_embedding_loss", "CosineEmbeddingLoss", _row_loss, "input1 input2 target", "margin OLD"),
        (
            "triplet_margin_loss",
            "TripletMarginLoss",
            _row_loss,
            "anchor positive negative",
            "margin p eps swap OLD",
        ),
        ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss", _row_loss, "input target", "weight OLD"),
        ("multi_margin_loss", "MultiMarginLoss", _margin_loss, "input target", "p margin weight OLD"),
        ("multilabel_margin_loss", "MultiLabelMarginLoss", _margin_loss, "input target", "OLD"),
        (
            "nll_loss",
            "NLLLoss",
            _class_loss,
            "input target",
            "weight size_average ignore_index reduce reduction",
        ),
        (
            "cross_entropy",
            "CrossEntropyLoss",
            _class_loss,
            "input target",
            "weight size_average ignore_index reduce reduction label_smoothing",
        ),
        (
            "ctc_loss",
            "CTCLoss",
            _ctc_loss,
            "log_probs targets input_lengths target_lengths",
            "blank reduction zero_infinity",
        ),
    )
)


def _reduction(given: dict[str, Arg]) -> Arg:
    average, reduces = given.get("size_average"), given.get("reduce")
    if average is None and reduces is None:
        return given.get("reduction", "mean")
    if not isinstance(average, (bool, type(None))) or not isinstance(reduces, (bool, type(None))):
        return ANY
    return "none" if reduces is False else "sum" if average is False else "mean"


def loss(
    without_reduction: Callable[[Sequence[Size]], Size],
    tensors: Sequence[str],
    parameters: Sequence[str],
    *args: Arg,
    **kwargs: Arg,
) -> Size:
    """A loss as a function of its tensors and parameters in the order of torch.

    Without a reduction a batch of unknown extent counts as many: nobody writes reduction="none" for one sample. It does
    not if the input is known to have no batch, or one of extent 1.
    """
    given = dict(zip((*tensors, *parameters), args, strict=False)) | kwargs
    reduction = _reduction(given)
    if reduction in ("mean", "sum", "batchmean"):
        return SCALAR
    if reduction != "none":
        return UNKNOWN
    size = without_reduction([size_of(given[name]) for name in tensors[:3]])
    if without_reduction in (_pointwise_loss, _same_size_loss):
        for weight in (given.get("weight"), given.get("pos_weight")):
            size = size if weight is None else broadcast(size, size_of(weight))
    first = size.dims[0] if size.dims else None
    return size if size.many is not None or first == 1 else Size(size.dims, True, size.tail)


def distance_loss(*args: Arg, **kwargs: Arg) -> Size:
    reduction = kwargs.get("reduction", "mean")
    return SCALAR if reduction in ("mean", "sum") else Size(many=True) if reduction == "none" else UNKNOWN
