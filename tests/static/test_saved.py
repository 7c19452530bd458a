"""The table of saved tensors, tried on torch: what it says is saved may not be changed before the backward."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - after the test for torch
from torch.nn import functional as F  # noqa: E402, N812

from gradguard.static.saved import IN_PLACE_RESULT, SAVED, VIEWS  # noqa: E402


def part(*size):
    return torch.rand(*size) * 0.8 + 0.1


def indices(*size):
    return torch.randint(0, 3, size)


def two():
    return [part(3, 4), part(3, 4)]


ARGUMENTS = {
    **{key: {"dim": 1} for key in "softmax log_softmax softmin cumprod logcumsumexp logsumexp".split()},
    **{key: {"kernel_size": 2} for key in "max_pool1d max_pool2d max_pool3d avg_pool2d avg_pool3d".split()},
    "clamp": {"min": 0.3},
    "clip": {"min": 0.3},
    "clamp_min": {"min": 0.3},
    "clamp_max": {"max": 0.5},
    "threshold": {"threshold": 0.1, "value": 0.0},
    "cross": {"dim": 0},
    "grid_sample": {"align_corners": False},
}
OPERANDS = {
    "acosh": lambda: [part(3, 4) + 1],
    **dict.fromkeys("matmul mm".split(), lambda: [part(3, 4), part(4, 2)]),
    "bmm": lambda: [part(2, 3, 4), part(2, 4, 5)],
    "mv": lambda: [part(3, 4), part(4)],
    **dict.fromkeys("dot outer".split(), lambda: [part(4), part(4)]),
    "linear": lambda: [part(3, 4), part(2, 4)],
    "addmm": lambda: [part(3, 2), part(3, 4), part(4, 2)],
    "baddbmm": lambda: [part(2, 3, 5), part(2, 3, 4), part(2, 4, 5)],
    **dict.fromkeys("addcmul addcdiv lerp".split(), lambda: [part(3, 4), part(3, 4), part(3, 4)]),
    **{f"conv{n}d": lambda n=n: [part(2, 3, *[4] * n), part(2, 3, *[2] * n)] for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": lambda n=n: [part(2, 3, *[4] * n), part(3, 2, *[2] * n)] for n in (1, 2)},
    **{f"max_pool{n}d": lambda n=n: [part(2, 3, *[4] * n)] for n in (1, 2, 3)},
    **{f"avg_pool{n}d": lambda n=n: [part(2, 3, *[4] * n)] for n in (2, 3)},
    "instance_norm": lambda: [part(2, 3, 4)],
    "prelu": lambda: [part(3, 4) - 0.5, part(1)],
    "grid_sample": lambda: [part(1, 2, 4, 4), part(1, 3, 3, 2)],
    "nll_loss": lambda: [part(3, 4), indices(3)],
    "cross_entropy": lambda: [part(3, 4), indices(3)],
    "gather": lambda: [part(3, 4), 1, indices(3, 2)],
    "take": lambda: [part(3, 4), indices(3)],
    "masked_select": lambda: [part(3, 4), torch.rand(3, 4) > 0.3],
    "masked_fill": lambda: [part(3, 4), torch.rand(3, 4) > 0.3, 0.0],
    "index_select": lambda: [part(3, 4), 0, indices(2)],
    "index_fill": lambda: [part(3, 4), 0, indices(2), 0.0],
    "scatter": lambda: [part(3, 4), 1, indices(3, 2), part(3, 2)],
    "where": lambda: [torch.rand(3, 4) > 0.3, part(3, 4), part(3, 4)],
    "layer_norm": lambda: [part(3, 4), (4,), part(4), part(4)],
    "batch_norm": lambda: [part(3, 4), torch.zeros(4), torch.ones(4)],
    "group_norm": lambda: [part(2, 4, 3), 2],
    "cross": lambda: [part(3, 3), part(3, 3)],
    "det": lambda: [part(3, 3)],
    "inverse": lambda: [part(3, 3) + torch.eye(3)],
}
POSITION = {
    name: {1: 2} for name in "gather index_select index_fill scatter".split()
}  # behind a dimension that is a number
MODULES = {
    "Linear": lambda: (nn.Linear(4, 2), [part(3, 4)]),
    "LazyLinear": lambda: (nn.LazyLinear(2), [part(3, 4)]),
    **{f"Conv{n}d": lambda n=n: (getattr(nn, f"Conv{n}d")(3, 2, 2), [part(2, 3, *[4] * n)]) for n in (1, 2, 3)},
    **{
        f"ConvTranspose{n}d": lambda n=n: (getattr(nn, f"ConvTranspose{n}d")(3, 2, 2), [part(2, 3, *[4] * n)])
        for n in (1, 2, 3)
    },
    **{f"BatchNorm{n}d": lambda n=n: (getattr(nn, f"BatchNorm{n}d")(3), [part(2, 3, *[4] * n)]) for n in (1, 2, 3)},
    "LayerNorm": lambda: (nn.LayerNorm(4), [part(3, 4)]),
    "GroupNorm": lambda: (nn.GroupNorm(1, 3), [part(2, 3, 4)]),
    "PReLU": lambda: (nn.PReLU(), [part(3, 4) - 0.5]),
    "Embedding": lambda: (nn.Embedding(5, 3), [indices(4)]),
    "RNNCell": lambda: (nn.RNNCell(4, 2), [part(3, 4), part(3, 2)]),
    "GRUCell": lambda: (nn.GRUCell(4, 2), [part(3, 4), part(3, 2)]),
    **{kind: lambda kind=kind: (getattr(nn, kind)(4, 2), [part(5, 3, 4)]) for kind in ("RNN", "GRU", "LSTM")},
    "MultiheadAttention": lambda: (nn.MultiheadAttention(4, 2), [part(5, 2, 4)] * 3),
    "TransformerEncoderLayer": lambda: (nn.TransformerEncoderLayer(4, 2, 8), [part(5, 2, 4)]),
    "Bilinear": lambda: (nn.Bilinear(4, 4, 2), [part(3, 4), part(3, 4)]),
    "KLDivLoss": lambda: (nn.KLDivLoss(reduction="batchmean"), two()),
    "CrossEntropyLoss": lambda: (nn.CrossEntropyLoss(), [part(3, 4), indices(3)]),
    "NLLLoss": lambda: (nn.NLLLoss(), [part(3, 4), indices(3)]),
    "Threshold": lambda: (nn.Threshold(0.1, 0.0), [part(3, 4)]),
    **{f"MaxPool{n}d": lambda n=n: (getattr(nn, f"MaxPool{n}d")(2), [part(2, 3, *[4] * n)]) for n in (2, 3)},
    **{f"AvgPool{n}d": lambda n=n: (getattr(nn, f"AvgPool{n}d")(2), [part(2, 3, *[4] * n)]) for n in (2, 3)},
    "InstanceNorm1d": lambda: (nn.InstanceNorm1d(3), [part(2, 3, 4)]),
    "InstanceNorm2d": lambda: (nn.InstanceNorm2d(3), [part(2, 3, 4, 4)]),
    **{
        kind: lambda kind=kind: (getattr(nn, kind)(dim=1), [part(3, 4)])
        for kind in ("Softmax", "LogSoftmax", "Softmin")
    },
}
# Built otherwise, or needs more than one device.
UNTRIED = {"SyncBatchNorm", "LSTMCell", "TransformerEncoder", "TransformerDecoderLayer"}


def function_of(name):
    for home in (F, torch) if name.endswith("norm") and name != "norm" else (torch, F):
        if hasattr(home, name):
            return getattr(home, name)
    return getattr(torch.linalg, name)


def prepared(name):
    """A callable and its operands."""
    if name in MODULES:
        module, operands = MODULES[name]()
        return module, operands
    if name[0].isupper():
        kind = getattr(nn, name)
        operands = two() if kind.__name__.endswith(("Loss", "Distance", "Similarity")) else [part(3, 4)]
        return kind(), operands
    function = function_of(name)
    words = ARGUMENTS.get(name, {})
    pairs = [entry for entry in SAVED[name] if "1" in (entry[0], entry[1])]
    operands = OPERANDS[name]() if name in OPERANDS else two() if pairs or name == "pairwise_distance" else [part(3, 4)]
    return (lambda *given: function(*given, **words)), operands


def refuses(name, what, condition):
    """Whether torch refuses the backward once `what` has been changed."""
    torch.manual_seed(0)
    call, operands = prepared(name)
    places = POSITION.get(name, {})
    if isinstance(call, nn.modules.lazy.LazyModuleMixin):
        call(operands[0])
    if isinstance(call, nn.Module):
        for parameter in call.parameters():
            parameter.requires_grad_(condition in ("", "w") or what == "w")
    needed = int(condition) if condition.isdigit() else None
    given = []
    for position, value in enumerate(operands):
        wanted = position == needed if needed is not None else position in (0, 1) and condition != "w"
        wanted = wanted and not (position == 1 and (("oft" in name and "argin" in name) or name == "batch_norm"))
        differentiable = isinstance(value, torch.Tensor) and value.is_floating_point()
        given.append(value.requires_grad_() * 1 if wanted and differentiable else value)
    result = call(*given)
    result = result[0] if isinstance(result, tuple) else result
    assert result.requires_grad, "the row says that this operand decides, and it does not"
    with torch.no_grad():
        if what == "w":
            for parameter in call.parameters():
                parameter.add_(0)
        else:
            target = result if what == "r" else given[places.get(int(what), int(what))]
            target.logical_not_() if target.dtype is torch.bool else target.add_(0)
    try:
        result.sum().backward()
    except RuntimeError as error:
        return "modified by an inplace operation" in str(error)
    return False


ENTRIES = [(name, *entry) for name, row in SAVED.items() if name not in UNTRIED for entry in row]


@pytest.mark.parametrize(("name", "what", "condition"), ENTRIES)
def test_what_the_table_says_is_saved(name, what, condition):
    assert refuses(name, what, condition)


@pytest.mark.parametrize("name", sorted(name for name in IN_PLACE_RESULT if name[0].islower() and name != "softmax"))
def test_what_an_operation_in_place_saves(name):
    x = part(3, 4).requires_grad_() * 1
    method = getattr(x, f"{name}_", None)
    y = method() if method is not None else getattr(F, name)(x, inplace=True)
    y.add_(0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("name", "add sub neg sum mean cat stack clone flip repeat cumsum tril".split())
def test_what_saves_nothing_is_not_in_the_table(name):
    assert name not in SAVED


VIEWED = {
    "view": (4, 3),
    "getitem": None,
    "transpose": (0, 1),
    "swapaxes": (0, 1),
    "permute": (1, 0),
    "unsqueeze": (0,),
    "expand": (2, 3, 4),
    "expand_as": None,
    "view_as": None,
    "narrow": (0, 0, 1),
    "select": (0, 0),
    "chunk": (2,),
    "split": (2,),
    "movedim": (0, 1),
    "unfold": (1, 2, 1),
}


@pytest.mark.parametrize("name", sorted(VIEWS - {"getitem", "expand_as", "view_as", "real", "imag"}))
def test_views_share_the_count_of_changes(name):
    x = torch.rand(3, 4)
    attribute = getattr(x, name)
    result = attribute(*VIEWED.get(name, ())) if callable(attribute) else attribute
    first = result[0] if isinstance(result, tuple) else result
    assert first._is_view()
    before = first._version
    x.add_(1)
    assert first._version == before + 1
