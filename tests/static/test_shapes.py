"""The algebra of sizes against torch itself: the same expression is evaluated with sizes and with tensors."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from gradguard.static import shape_tables, shapes
from gradguard.static.shapes import ANY, INT, SCALAR, UNKNOWN, Size, from_dims, from_tail

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of losses that broadcast and of .T beyond matrices


class Tensor:
    """Looks like a tensor and knows only its size."""

    def __init__(self, size: Size) -> None:
        self.size = size

    def __getattr__(self, name: str) -> Any:
        if name in ("T", "mT", "data"):
            return wrap(shapes.method(name, self.size, (), {}))
        return lambda *args, **kwargs: wrap(shapes.method(name, self.size, unwrap(args), unwrap(kwargs)))

    def __getitem__(self, key: Any) -> Any:
        return wrap(shapes.index(self.size, unwrap(key)))

    def __matmul__(self, other: Tensor) -> Any:
        return wrap(shapes.matmul(self.size, other.size))

    def __add__(self, other: Any) -> Any:
        return wrap(shapes.binary(self.size, unwrap(other)))

    def __rsub__(self, other: Any) -> Any:
        return wrap(shapes.binary(unwrap(other), self.size))

    __mul__ = __sub__ = __truediv__ = __gt__ = __add__


class Functions:
    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: wrap(shapes.function(name, unwrap(args), unwrap(kwargs)))


class Modules:
    def __getattr__(self, kind: str) -> Any:
        return lambda *config, **kwargs: (
            lambda *inputs: wrap(shapes.module(kind, unwrap(config), unwrap(kwargs), unwrap(inputs)))
        )


def wrap(result: shapes.Result) -> Any:
    return Tensor(result) if isinstance(result, Size) else tuple(map(wrap, result))


def unwrap(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.size
    if isinstance(value, (tuple, list)):
        return type(value)(map(unwrap, value))
    if isinstance(value, dict):
        return {key: unwrap(entry) for key, entry in value.items()}
    return value


SYMBOLIC = {"torch": Functions(), "F": Functions(), "nn": Modules()}
REAL = {"torch": torch, "F": functional, "nn": nn}


def real_tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if name.startswith("i"):
        return torch.zeros(shape, dtype=torch.long)
    if name.startswith("m"):
        return (torch.arange(torch.Size(shape).numel()) % 2 == 0).reshape(shape)
    return torch.rand(shape)


def sizes_of(result: Any) -> Any:
    """The sizes in a result, symbolic or real."""
    if isinstance(result, Tensor):
        return result.size
    if isinstance(result, torch.Tensor):
        return from_dims(*result.shape)
    return tuple(map(sizes_of, result))


def contradiction(claim: Any, real: Any) -> str:
    """What `claim` says and the real size denies."""
    if claim == UNKNOWN:
        return ""
    if isinstance(real, tuple) or isinstance(claim, tuple):
        if not isinstance(claim, tuple) or not isinstance(real, tuple) or len(claim) != len(real):
            return f"{claim} for {real}"
        return "".join(map(contradiction, claim, real))
    if claim.dims is not None and len(claim.dims) != len(real.dims):
        return f"rank of {claim} for {real.dims}"
    if len(claim.known) > len(real.dims):
        return f"least rank of {claim} for {real.dims}"
    for said, is_ in zip(reversed(claim.known), reversed(real.dims), strict=False):
        if said is not None and said != is_:
            return f"extents of {claim} for {real.dims}"
    if claim.many is not None and claim.many != real.many:
        return f"many of {claim} for {real.dims}"
    return ""


def forget(rng: random.Random, shape: tuple[int, ...]) -> Size:
    """A size that says less than `shape`, and nothing else."""
    exact = from_dims(*shape)
    many = rng.choice([None, exact.many])
    entries = tuple(rng.choice([None, entry]) for entry in shape)
    if rng.random() < 0.5:
        return Size(entries, many)
    return Size(None, many, entries[rng.randint(0, len(shape)) :])


# The names tell what a tensor holds: i… zeros that serve as indices and classes, m… a mask, others numbers.
TABLE: list[tuple[dict[str, tuple[int, ...]], str]] = [
    (
        {"x": (3, 4)},
        """
        x.relu() | torch.sigmoid(x) | F.dropout(x, p=0.5) | x.softmax(dim=1) | F.normalize(x, dim=-1) | x.clone()
        x.detach().requires_grad_() | x.double() | x.cpu() | x.data | x.zero_() | x.add_(1) | x.t_()
        x.unsqueeze_(0) | x + 1 | 1 - x | x * 2.5 | x.pow(2) | torch.pow(2, x) | x.clamp(min=0)
        torch.clamp(x, 0, 1) | x > 0.5 | x.sum() | x.sum(0) | x.sum(dim=1) | x.sum(axis=-1) | x.sum((0, 1))
        x.sum(dim=[1]) | x.sum(1, True) | x.sum(dim=1, keepdim=True) | torch.sum(input=x, dim=0) | x.mean()
        x.mean((0, 1), keepdim=True) | x.prod(1) | x.std() | x.std(0) | x.std(1, False) | x.std(False)
        x.var(dim=0, unbiased=False, keepdim=True) | x.norm() | x.norm(2) | x.norm(2, 1)
        x.norm(p=2, dim=1, keepdim=True) | torch.norm(x, dim=0) | x.logsumexp(1)
        torch.linalg.vector_norm(x, dim=1) | torch.linalg.matrix_norm(x) | x.amax(1) | x.amin(dim=(0, 1))
        x.argmax(1) | x.argmin() | x.any() | x.all(dim=0) | x.max() | x.max(1) | x.min(dim=0, keepdim=True)
        torch.max(x, x + 1) | x.median() | x.median(dim=1) | x.mode(0) | x.kthvalue(2, 1) | x.nanmean()
        x.nansum(1) | x.trace() | x.count_nonzero() | torch.std_mean(x, dim=1) | torch.var_mean(x) | x.quantile(0.5)
        x.quantile(0.5, dim=1) | x.sort() | x.argsort(dim=0) | x.topk(2) | x.topk(2, dim=0) | x.cummax(1)
        x.cumsum(1) | x.flip(0) | x.roll(1) | x.tril() | x.view(-1) | x.view(2, 6) | x.view((12,)) | x.view(-1, 6)
        x.reshape(2, -1, 3) | x.flatten() | x.ravel() | x.squeeze() | x.unsqueeze(0) | x.unsqueeze(-1)
        x.unsqueeze(1) | x.transpose(0, 1) | x.t() | x.T | x.mT | x.permute(1, 0) | torch.permute(x, (1, 0))
        x.expand(2, 3, 4) | x.expand(2, -1, 4) | x.repeat(2, 1) | x.repeat(2, 1, 3) | torch.tile(x, (2,))
        x.repeat_interleave(2) | x.repeat_interleave(2, dim=1) | x.movedim(0, 1) | torch.cat([x, x])
        torch.cat((x, x + 1), dim=-1) | torch.stack([x, x]) | torch.stack([x, x], dim=-1) | torch.hstack([x, x])
        torch.vstack([x, x]) | x.chunk(2) | x.chunk(2, dim=1) | x.split(2) | x.split([1, 3], dim=1)
        torch.split(x, 3, 1) | x.unbind() | torch.unbind(x, dim=1) | x.select(1, 0) | x.narrow(1, 0, 2)
        x.diagonal() | torch.diagonal(x, 1) | x.diag() | x.diff() | torch.diff(x, dim=0) | x.unflatten(1, (2, 2))
        x.unflatten(0, (-1, 3)) | F.pad(x, (1, 2)) | F.pad(x, (0, 0, 1, 1), value=1) | x.new_zeros(2, 3)
        x.new_ones((5,)) | x.new_full((2,), 1) | torch.zeros_like(x) | torch.randn_like(x, dtype=torch.float64)
        torch.bernoulli(x) | torch.multinomial(x, 2) | x[0] | x[-1] | x[0, 1] | x[:, 0] | x[..., 0] | x[None]
        x[:, None] | x[..., None] | x[1:] | x[:, :2] | x[::2] | x[0:0] | x[:] | x[[0, 2]] | x[:, [0, 1, 2]]
        x[..., :-1] | x[5:] | x[None, ..., 1:3, None] | x[[0, 1], [1, 2]] | torch.einsum("ij->ji", x)
        torch.einsum("ij->", x) | torch.einsum("ij", x) | torch.outer(x[0], x[1]) | nn.Linear(4, 10)(x)
        nn.Linear(in_features=4, out_features=1)(x) | nn.LazyLinear(2)(x) | nn.ReLU()(x) | nn.Flatten()(x)
        nn.Flatten(0)(x) | nn.Identity()(x) | nn.LayerNorm(4)(x) | nn.BatchNorm1d(4)(x) | nn.GLU()(x)
        nn.Dropout(0.1)(x) | nn.Softmax(dim=1)(x) | nn.LSTMCell(4, 6)(x) | nn.GRUCell(4, 6)(x)
        nn.Unflatten(1, (2, 2))(x) | F.glu(x, 1) | x.masked_fill(x > 0.5, 0.0) | torch.where(x > 0.5, x, 0)
        x.index_fill(0, torch.tensor([0]), 1.0) | x.swapaxes(0, 1) | x.adjoint() | x.square().mean(dim=1).sqrt()
        nn.RNNCell(4, 1)(x) | nn.PReLU()(x)
        """,
    ),
    (
        {},
        """
        torch.zeros(3) | torch.zeros(3, 4) | torch.ones((2, 1)) | torch.randn([5]) | torch.rand(1) | torch.empty(0)
        torch.rand(()) | torch.zeros(size=(2, 3)) | torch.full((2, 3), 1.5) | torch.eye(3) | torch.eye(3, 2)
        torch.arange(5) | torch.arange(2, 7) | torch.arange(0, 1, 0.3) | torch.arange(10, 0, -3)
        torch.linspace(0, 1, 7) | torch.linspace(0, 1, steps=3) | torch.randint(5, (2, 3))
        torch.randint(0, 5, (2,)) | torch.randint(0, 2, size=(4,)) | torch.randperm(6) | torch.tensor(1.0)
        torch.tensor([1.0]) | torch.tensor([[1, 2, 3], [4, 5, 6]]) | torch.tensor([])
        torch.tensor([torch.tensor(1.0), 2.0]) | torch.as_tensor([1, 2]) | torch.Tensor([1, 2, 3])
        torch.Tensor(2, 3) | torch.normal(0.0, 1.0, (2, 3)) | torch.normal(0.0, 1.0, size=(2,))
        torch.tensor(data=[1, 2]) | torch.arange(end=3, start=1) | torch.zeros(1) + torch.zeros(())
        torch.zeros(2, 1).squeeze(1) | torch.zeros(()).unsqueeze(0) | torch.zeros(0).sum()
        torch.zeros(0, 3).chunk(2) | torch.cat([torch.zeros(0), torch.zeros(2, 3)], 1) | torch.zeros(()).flatten()
        torch.zeros(3).masked_fill(torch.zeros(2, 3) > 0, 1.0)
        """,
    ),
    (
        {"x": (2, 1, 4), "y": (3, 1)},
        """
        x + y | x * y | torch.maximum(x, y) | torch.where(x > 0, x, y) | x.lerp(y, 0.5) | torch.atan2(y, x)
        torch.addcmul(x, y, y, value=2) | x.squeeze() | x.squeeze(1) | x.squeeze(-1) | x.squeeze((0, 1))
        x.expand_as(x + y) | x.permute(2, 0, 1) | x.transpose(-1, 0) | x.mean((0, 2)) | x.sum((-1, 0), keepdim=True)
        x.flatten(1) | x.flatten(start_dim=0, end_dim=1) | x.sum(2) | x.norm(dim=(1, 2)) | x.view_as(x + 1)
        x.movedim(0, -1) | x.unbind(1) | x.broadcast_to((5, 2, 3, 4)) | torch.einsum("bij,kj->bik", x, y)
        y.t() @ y | x.diagonal(dim1=0, dim2=2) | x[:, 0] | x[..., 0] | x[0, ..., 0] | x[1, :, 1:] | x[:, [0], :]
        x[..., [0, 1]] | x[0, [0, 0]] | x.unsqueeze(2) | F.mse_loss(x, y) | F.mse_loss(x, y, reduction="none")
        F.l1_loss(x, y, reduction="sum") | x.mT | x.quantile(0.5, -1, True) | nn.CosineSimilarity(dim=0)(x, y)
        F.cosine_similarity(x, x, dim=-1) | F.pairwise_distance(x, x) | F.gelu(x) | nn.Linear(4, 1)(x)
        nn.Linear(4, 5)(x) | nn.TransformerEncoderLayer(4, 2)(x) | nn.MultiheadAttention(4, 2)(x, x, x)[0]
        nn.RNN(4, 5, 2, "relu", True, True)(x) | nn.LSTM(4, 5)(x)
        nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)(x)
        nn.GRU(4, 5, num_layers=2, bidirectional=True)(x) | nn.LSTM(4, 5, proj_size=3)(x)
        nn.PairwiseDistance(keepdim=True)(x, x) | nn.Conv1d(1, 3, 2)(x) | nn.MaxPool1d(2)(x)
        nn.AdaptiveAvgPool1d(1)(x) | F.avg_pool1d(x, 2, stride=1) | torch.cdist(x, x)
        """,
    ),
    (
        {"x": (3, 4), "y": (4, 5), "v": (4,), "b": (2, 3, 4), "c": (2, 4, 1), "s": ()},
        """
        x @ y | x.mm(y) | torch.matmul(x, v) | v @ y | v @ v | torch.dot(v, v) | torch.mv(x, v) | b @ c
        torch.bmm(b, c) | b @ y | x @ c | v @ c | b @ v | torch.addmm(torch.zeros(5), x, y) | torch.outer(v, v)
        F.linear(b, x) | F.linear(x, v) | torch.einsum("ij,jk->ik", x, y) | torch.einsum("ij,jk", x, y)
        torch.einsum("bij,bjk->b", b, c) | s + x | s.sum(-1) | torch.einsum("i,j->ij", [v, v])
        torch.tensordot(x, y, dims=1) | torch.cat([b, c.mT.expand(2, 3, 4)], 1) | s.unsqueeze(0) | s.topk(1)
        torch.stack([s, s]) | s.view(-1) | s.max() | s.reshape(1, 1) | s.expand(3) | s[None] | s[...]
        s.sum(0, True) | F.scaled_dot_product_attention(b, b, b) | nn.Bilinear(4, 4, 6)(x, x) | torch.vstack([v, v])
        torch.hstack([v, v]) | v.diag() | v.diag(1) | v.diff() | v[1:] - v[:-1] | v.dist(v)
        torch.linalg.det(y[:, :4]) | torch.linalg.slogdet(y[:, :4]) | v.topk(1) | v.T | v.softmax(0).log().sum()
        v.split(1) | v.unflatten(0, (2, -1)) | v.tile(3) | torch.linalg.inv(y[:, :4])
        """,
    ),
    (
        {"x": (2, 3, 8, 7), "w": (5, 3, 3, 2), "u": (3, 8, 7)},
        """
        nn.Conv2d(3, 6, 3)(x) | nn.Conv2d(3, 6, 3, padding=1, stride=2)(x) | nn.Conv2d(3, 1, (3, 2), 2, (1, 0))(x)
        nn.Conv2d(3, 6, 3, padding="same")(x) | nn.Conv2d(3, 6, 3, dilation=2, padding="valid")(x) | F.conv2d(x, w)
        nn.LazyConv2d(4, 3)(u) | nn.Conv2d(3, 6, 3)(u) | F.conv2d(u, w, None, 2, 1)
        nn.ConvTranspose2d(3, 4, 3, 2, 1, 1)(x) | nn.ConvTranspose2d(3, 4, 2, dilation=2)(u) | nn.MaxPool2d(2)(x)
        nn.MaxPool2d(3, 2, 1, ceil_mode=True)(x) | nn.MaxPool2d(2, return_indices=True)(x) | F.max_pool2d(x, 2, 3)
        nn.AvgPool2d(2, ceil_mode=True)(u) | F.avg_pool2d(x, (2, 1)) | nn.MaxPool2d(2, 3, ceil_mode=True)(x)
        nn.AdaptiveAvgPool2d((1, 1))(x) | nn.AdaptiveMaxPool2d((None, 3))(x)
        F.adaptive_avg_pool2d(x, 1).flatten(1) | nn.AdaptiveAvgPool2d(4)(u) | nn.BatchNorm2d(3)(x)
        nn.GroupNorm(3, 3)(x) | nn.Flatten()(x) | x.view(2, -1) | x.flatten(2).transpose(1, 2) | x.mean((2, 3))
        x.permute(0, 2, 3, 1) | x.flatten(-2) | F.interpolate(x, scale_factor=2) | F.interpolate(x, size=(4, 4))
        nn.Upsample(scale_factor=(2, 1.5))(x) | F.interpolate(x, 5) | nn.ZeroPad2d(1)(x)
        nn.MaxPool2d(1, 2, ceil_mode=True)(x[..., :2, :]) | nn.ReflectionPad2d((1, 2, 0, 1))(x)
        nn.PixelShuffle(2)(x.repeat(1, 4, 1, 1)) | x[:, :, 0] | x[0] | nn.Dropout2d()(x) | nn.InstanceNorm2d(3)(x)
        x[..., ::2, 1:] | x.diagonal(0, 2, 3) | x.sum((1, 2, 3)) | x.amax((-1, -2))
        """,
    ),
    (
        {"x": (4, 5), "y": (4, 5), "i": (4,), "it": (4, 5), "v": (4,), "w": (4,), "u": (5,), "i0": ()},
        """
        F.cross_entropy(x, i) | F.cross_entropy(x, i, reduction="none") | F.cross_entropy(x, y, reduction="none")
        F.cross_entropy(x, i, None, None, -100, None, "none") | F.cross_entropy(x, i, reduce=False)
        nn.CrossEntropyLoss()(x, i) | F.cross_entropy(x, i, size_average=False)
        nn.CrossEntropyLoss(reduction="none")(x, i) | F.nll_loss(x, i, reduction="none")
        nn.NLLLoss(None, None, -100, None, "none")(x, i) | nn.NLLLoss(reduction="sum")(x, i) | F.mse_loss(x, y)
        F.mse_loss(x, y, reduction="none") | nn.MSELoss(reduction="none")(x, y) | nn.MSELoss(None, False)(x, y)
        F.l1_loss(x, y, reduction="none") | F.smooth_l1_loss(x, y, reduction="none") | F.huber_loss(x, y, "none")
        nn.HuberLoss("none")(x, y) | F.binary_cross_entropy(x, y, reduction="none")
        nn.BCELoss(reduction="none")(x, y) | F.binary_cross_entropy_with_logits(x, y, reduction="none")
        nn.BCEWithLogitsLoss(pos_weight=u, reduction="none")(x, y)
        F.binary_cross_entropy_with_logits(v, w, reduction="sum") | nn.BCEWithLogitsLoss()(v, w)
        F.kl_div(x, y, reduction="none") | F.kl_div(x, y, reduction="batchmean")
        nn.KLDivLoss(reduction="none")(x, y) | F.gaussian_nll_loss(x, y, y, reduction="none")
        nn.GaussianNLLLoss(reduction="none")(x, y, y) | F.poisson_nll_loss(x, y, reduction="none")
        F.margin_ranking_loss(v, w, w, reduction="none") | nn.MarginRankingLoss(0.1, reduction="none")(v, w, w)
        F.cosine_embedding_loss(x, y, w, reduction="none") | F.triplet_margin_loss(x, y, y, reduction="none")
        nn.TripletMarginLoss(reduction="none")(x, y, x) | F.hinge_embedding_loss(x, y, reduction="none")
        F.multi_margin_loss(x, i, reduction="none") | F.soft_margin_loss(x, y)
        F.multilabel_margin_loss(x, it, reduction="none") | F.multilabel_soft_margin_loss(x, y, reduction="none")
        F.soft_margin_loss(x, y, reduction="none") | nn.TripletMarginWithDistanceLoss()(x, y, y)
        nn.PoissonNLLLoss()(x, y) | x.gather(1, it) | x.gather(1, i.unsqueeze(1)) | x.index_select(1, i)
        x.take(it) | F.one_hot(i, 7) | nn.Embedding(10, 6)(i) | nn.Embedding(10, 6)(it) | F.embedding(i, x)
        nn.EmbeddingBag(10, 6)(it) | x.scatter(1, it, y) | F.one_hot(i0, 3) | nn.Embedding(10, 6)(i0)
        """,
    ),
    (
        {"x": (4, 5, 6), "i": (4, 6), "p": (6, 4, 5), "iq": (4, 2), "il": (4,)},
        """
        F.cross_entropy(x, i, reduction="none") | F.nll_loss(x, i, reduction="none")
        F.ctc_loss(p, iq + 1, il + 6, il + 2, reduction="none")
        nn.CTCLoss(reduction="none")(p, iq + 1, il + 6, il + 2) | nn.CTCLoss()(p, iq + 1, il + 6, il + 2)
        F.triplet_margin_loss(x, x, x, reduction="none")
        nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2), 1)(x)
        nn.Transformer(6, 2, 1, 1)(x, x[:3, :2].repeat(1, 3, 1)[:, :5])
        """,
    ),
]

# What these leave depends on the numbers in the tensors, or on what a size does not tell.
INEXACT: list[tuple[dict[str, tuple[int, ...]], str]] = [
    (
        {
            "x": (4, 5),
            "y": (4, 5),
            "mx": (4, 5),
            "m": (4,),
            "i": (4,),
            "ix": (3, 2),
            "m0": (),
            "i0": (),
            "z": (4, 5, 2),
        },
        """
        x[i[:2]] | x[mx] | x[m] | x[i] | x[ix] | x[m0] | x[i0] | x[:, i] | x[m, 1:] | x[..., i] | x[i, i] | x[i, 1]
        x[0, i] | x[:, m0] | z[mx] | z[i, :, [0, 1, 0, 1]] | z[:, i, [0, 1, 0, 1]] | z[ix] | z[m, i0]
        x.masked_select(mx) | x.nonzero() | x.unique() | x[True] | x[None, m] | x[i, None] | z[..., [True, False]]
        x.repeat_interleave(i + 1, dim=0) | x.quantile(x[0, :2]) | torch.where(mx) | F.adaptive_max_pool1d(x, 2)
        x.cov() | x.histc(3) | torch.linalg.diagonal(z) | torch.autograd.grad(z.requires_grad_().sum(), z)
        nn.utils.clip_grad_norm_(z, 1.0) | z.unfold(0, 2, 1) | z.tensor_split(3) | torch.meshgrid(x[0], x[1])
        torch.broadcast_tensors(x, y) | x.resize_(2)
        """,
    ),
]


def expressions(table: list[tuple[dict[str, tuple[int, ...]], str]]) -> list[Any]:
    return [
        pytest.param(expression.strip(), given_, id=expression.strip())
        for given_, text in table
        for line in text.strip().splitlines()
        for expression in line.split(" | ")
    ]


def evaluate(expression: str, given_: dict[str, tuple[int, ...]], sizes: dict[str, Size]) -> tuple[Any, Any]:
    torch.manual_seed(0)
    real = eval(expression, REAL | {name: real_tensor(name, shape) for name, shape in given_.items()})
    symbols = SYMBOLIC | {name: Tensor(size) for name, size in sizes.items()}
    return sizes_of(eval(expression, symbols)), sizes_of(real)


class Everywhere(Functions):
    """torch.linalg, torch.autograd, nn.utils: `function` takes a name without its package."""


for namespace in ("linalg", "autograd"):
    setattr(Functions, namespace, Everywhere())
Modules.utils = Everywhere()  # type: ignore[attr-defined]
Functions.float64 = ANY  # type: ignore[attr-defined]


@pytest.mark.parametrize(("expression", "given_"), expressions(TABLE))
def test_the_size_is_that_of_torch(expression: str, given_: dict[str, tuple[int, ...]]) -> None:
    said, is_ = evaluate(expression, given_, {name: from_dims(*shape) for name, shape in given_.items()})
    assert said == is_


@pytest.mark.parametrize(("expression", "given_"), expressions(TABLE + INEXACT))
def test_less_knowledge_never_makes_a_claim_that_torch_denies(
    expression: str, given_: dict[str, tuple[int, ...]]
) -> None:
    rng = random.Random(expression)
    torch.manual_seed(0)
    real = sizes_of(eval(expression, REAL | {name: real_tensor(name, shape) for name, shape in given_.items()}))
    for _ in range(40):
        sizes = {name: forget(rng, shape) for name, shape in given_.items()}
        said = sizes_of(eval(expression, SYMBOLIC | {name: Tensor(size) for name, size in sizes.items()}))
        assert not contradiction(said, real), sizes


# One step of a chain. x is the tensor so far, y another one; a and b are ints, n and k are ints from 0, f is a bool.
STEPS = """
    x + y | y * x | x - 1 | torch.maximum(x, y) | x.relu() | x.softmax(a) | x.clone() | x.masked_fill(y > 0, 0.0)
    x.sum() | x.sum(a) | x.sum(dim=a, keepdim=f) | x.sum((a, b)) | x.mean((a, b), keepdim=f) | x.mean(dim=(a,))
    x.norm(2, a, f) | x.sum((a, b, 0)) | x.std(a) | x.amax(a, f) | x.max(a) | x.max(dim=a, keepdim=f) | x.max(y)
    x.argmax(a) | x.max() | x.logsumexp((a, b), f) | x.prod(a) | x.median(a) | x.topk(n, a) | x.sort(a)
    x.cumsum(a) | x.any(a) | x.all((a, b)) | x.view(-1) | x.view(n, -1) | x.reshape(-1, n, k) | x.reshape(n, k)
    x.reshape(n) | x.view(n, k, -1) | x.flatten(a, b) | x.flatten(a) | x.flatten() | x.squeeze() | x.squeeze(a)
    x.squeeze((a, b)) | x.unsqueeze(a) | x.transpose(a, b) | x.T | x.mT | x.t() | x.permute(a, b)
    x.permute(a, b, 0) | x.permute(2, a, b) | x.movedim(a, b) | x.expand(n, -1) | x.expand(k, n, -1)
    x.expand(n, k) | x.expand(n, -1, k) | x.expand_as(y) | x.view_as(y) | x.repeat(n, k) | x.repeat(n, 1, 1)
    torch.tile(x, (n, k)) | x.repeat_interleave(n) | x.repeat_interleave(n, dim=a) | x.broadcast_to((n, k, 2))
    torch.cat([x, y], a) | torch.cat([x, x, y], dim=a) | torch.cat([y, torch.zeros(n)], a)
    torch.cat([x.view(-1), y.view(-1)]) | torch.stack([x, y], a) | torch.stack([x, x, x], a) | torch.stack([x], a)
    torch.hstack([x, y]) | torch.vstack([x, y]) | x.chunk(n, a) | x.split(n, a) | x.split([n, k], a) | x.unbind(a)
    x.select(a, b) | x.narrow(a, n, k) | x.diagonal(n, a, b) | x.diag(a) | x.diff(dim=a) | x.diff(n, a)
    x.unflatten(a, (n, -1)) | x.unflatten(a, (n, k)) | F.pad(x, (n, k)) | F.pad(x, (n, 0, k, a)) | x.roll(1, a)
    x.flip(a) | torch.zeros(n, k) | torch.zeros((n,)) | torch.full((n, k, 2), 1.0) | x[a] | x[:, a] | x[..., a]
    x[None] | x[:, None] | x[..., None] | x[n:] | x[:, n:k] | x[..., :a] | x[a:, b:] | x[::2] | x[a, b]
    x[a, ..., b] | x[[0, 0]] | x[:, [0, 1]] | x[y > 0] | x[a, y > 0] | x[..., [0], None] | x[:] | x[0:1]
    x[None, a] | x @ y | y @ x | x.mm(y) | x.bmm(y) | torch.outer(x, y) | torch.einsum("ij,jk->ik", x, y)
    torch.einsum("ij,kj", x, y) | torch.einsum("bij,bjk->bk", x, y) | torch.cdist(x, y)
    torch.cosine_similarity(x, y, dim=a) | F.pairwise_distance(x, y) | torch.tensordot(x, y, n) | F.linear(x, y)
    x.det() | x.trace() | F.one_hot(x.long().clamp(0, 1), 3) | F.glu(x, a) | torch.where(x > y, x, y)
    torch.atan2(x, y) | x.quantile(0.5, a, f) | torch.var_mean(x, a) | x.swapaxes(a, b) | nn.Linear(n, k)(x)
    nn.Flatten()(x) | nn.Flatten(a, b)(x) | F.mse_loss(x, y) | nn.LSTM(2, 2)(x) | nn.Conv1d(2, k, 1)(x)
    nn.MaxPool1d(n)(x) | nn.AvgPool1d(n, ceil_mode=f)(x) | nn.AdaptiveAvgPool1d(n)(x)
    nn.AdaptiveMaxPool2d((n, None))(x) | nn.Conv2d(2, 2, 2, padding=n)(x) | nn.MaxPool2d(2, k, 1, ceil_mode=f)(x)
    F.interpolate(x, scale_factor=1.5) | nn.PixelShuffle(2)(x) | nn.ConvTranspose1d(2, k, 2, n)(x)
    nn.Embedding(9, n)(x.long().abs().clamp(0, 8)) | x.new_zeros(n) | F.scaled_dot_product_attention(x, x, y)
    nn.Bilinear(n, k, 2)(x, y) | x.index_select(a, torch.tensor([0, 0]))
"""
CODE = [
    compile(text.strip(), text.strip(), "eval") for line in STEPS.strip().splitlines() for text in line.split(" | ")
]

sizes = st.lists(st.sampled_from([0, 1, 1, 2, 2, 3]), max_size=4).map(tuple)
small = st.integers(-3, 3)
steps = st.tuples(
    st.sampled_from(CODE),
    sizes,
    st.fixed_dictionaries({"a": small, "b": small, "n": st.integers(0, 3), "k": st.integers(0, 3), "f": st.booleans()}),
    st.randoms(use_true_random=False),
)


def floats(result: Any, rng: random.Random) -> tuple[torch.Tensor, int | None]:
    """A tensor of the result, and where it is if it is one of several."""
    if isinstance(result, torch.Tensor):
        return result.float(), None
    at = rng.randrange(len(result))
    return floats(result[at] if isinstance(result[at], torch.Tensor) else result[at][0], rng)[0], at


@settings(max_examples=2000, deadline=None)
@given(sizes, st.lists(steps, min_size=1, max_size=6))
def test_no_chain_of_operations_makes_a_claim_that_torch_denies(shape: tuple[int, ...], chain: list[Any]) -> None:
    real, said = torch.rand(shape), from_dims(*shape)
    for code, other_shape, values, rng in chain:
        other = torch.rand(other_shape)
        other_said = rng.choice([from_dims(*other_shape), forget(rng, other_shape)])
        try:
            after = eval(code, REAL | {"x": real, "y": other, **values})
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError, ZeroDivisionError):
            continue
        if isinstance(after, torch.Tensor) and any(length < 0 for length in after.shape):
            break  # torch accepts torch.rand(()).expand(0, -1)
        exact = sizes_of(eval(code, SYMBOLIC | {"x": Tensor(said), "y": Tensor(other_said), **values}))
        assert not contradiction(exact, sizes_of(after)), (code.co_filename, said, other_said, values)
        vague = {
            name: rng.choice([value, ANY if isinstance(value, bool) else INT, ANY]) for name, value in values.items()
        }
        vaguer = sizes_of(eval(code, SYMBOLIC | {"x": Tensor(said), "y": Tensor(other_said), **vague}))
        assert not contradiction(vaguer, sizes_of(after)), (code.co_filename, said, other_said, vague, values)

        if after == ():
            break
        result, at = floats(after, rng)
        if result.numel() > 2000:
            break
        real = result
        size = exact if at is None or isinstance(exact, Size) else exact[at]
        if at is not None and isinstance(exact, Size):
            size = UNKNOWN
        said = size if isinstance(size, Size) else size[0]
        if rng.random() < 0.3:
            said = forget(rng, tuple(real.shape))


@pytest.mark.parametrize(
    ("size", "described"),
    [
        (from_dims(3, 10), "(3, 10)"),
        (from_dims(None, 10), "(?, 10)"),
        (from_dims(5), "(5,)"),
        (SCALAR, "()"),
        (from_tail(10), "(…, 10)"),
        (from_tail(None, 1), "(…, ?, 1)"),
        (from_tail(None), ""),
        (Size(many=True), "more than one element"),
        (Size(many=False), ""),
        (UNKNOWN, ""),
    ],
)
def test_a_size_is_described_as_far_as_it_is_known(size: Size, described: str) -> None:
    assert size.describe() == described


LOGITS = Tensor(from_tail(10))
UNSEEN = Tensor(UNKNOWN)


@pytest.mark.parametrize(
    ("expression", "many"),
    [
        ("logits", True),
        ("logits.relu()", True),
        ("F.softmax(logits, dim=-1)", True),
        ("logits.view(-1)", True),
        ("logits.view(INT, -1)", True),
        ("logits.reshape(ANY)", True),
        ("logits.squeeze()", True),
        ("logits.t()", True),
        ("logits[None]", True),
        ("logits[:]", True),
        ("logits * x", True),
        ("logits + ANY", True),
        ("logits.expand(4, -1, 1)", True),
        ("torch.cat([logits, logits])", True),
        ("torch.stack([x, x])", True),
        ("logits.sum(dim=0, keepdim=True)", None),
        ("logits.sum(dim=-1)", None),
        ("logits[:, 0]", None),
        ("logits[0]", None),
        ("logits[mask]", None),
        ("logits.mean(1)", None),
        ("logits.sum(ANY)", None),
        ("logits.view(ANY)", None),  # it might be a dtype
        ("torch.cat([logits, x])", None),
        ("logits.sum()", False),
        ("logits.frobnicate()", None),
        ("x.mean(keepdim=ANY)", False),
        ("torch.zeros(0)", True),
        ("torch.tensor([x, x])", True),
        ("torch.zeros(INT, 2)", True),
        ("torch.zeros(INT)", None),
        ("torch.zeros(ANY)", None),
        ("nn.Linear(ANY, 1)(x)", None),
        ("nn.Linear(3, 5)(x)[:, 0]", None),
        ("nn.Conv2d(3, 6, 3)(x).flatten(1)", True),
        ("nn.AdaptiveAvgPool2d((1, 1))(x)", None),
        ("nn.LSTM(3, 5)(x)[1][0]", True),
        ("F.cross_entropy(x, mask)", False),
        ("F.mse_loss(x, mask, reduction=ANY)", None),
        ("nn.MSELoss(reduce=ANY)(x, mask)", None),
        ("F.mse_loss(x, mask, ANY)", None),
        # without a reduction a batch that is not known counts as many
        ("F.cross_entropy(logits, mask, reduction='none')", True),
        ("F.cross_entropy(row, mask, reduction='none')", False),
        ("F.cross_entropy(pixels, mask, reduction='none')", None),
        ("F.cross_entropy(vector, mask, reduction='none')", False),
        ("F.cross_entropy(x, scalar, reduction='none')", False),
        ("F.mse_loss(x, mask, reduction='none')", True),
        ("F.mse_loss(batch, x, reduce=False)", True),
        ("F.mse_loss(scalar, scalar, reduction='none')", False),
        ("nn.BCELoss(reduction='none')(batch, x)", True),
        ("nn.BCELoss(reduction='none')(row[:, 0], x)", False),
        ("nn.CTCLoss(reduction='none')(x, x, x, x)", True),
        ("F.mse_loss(x, mask, reduction='none').mean()", False),
        ("F.mse_loss(x, mask, reduction='none').mean(1)", None),
    ],
)
def test_what_is_known_of_the_number_of_elements(expression: str, many: bool | None) -> None:
    tensors = {
        "logits": LOGITS,
        "x": UNSEEN,
        "mask": UNSEEN,
        "row": Tensor(from_dims(1, 10)),
        "pixels": Tensor(from_dims(1, 10, None)),
        "vector": Tensor(from_dims(10)),
        "scalar": Tensor(SCALAR),
        "batch": Tensor(from_dims(None, 1)),
        "ANY": ANY,
        "INT": INT,
    }
    assert eval(expression, SYMBOLIC | tensors).size.many is many


@pytest.mark.parametrize(
    ("expression", "size"),
    [
        ("x.view(INT, -1)", Size((None, None), True)),
        ("x.transpose(-1, -2)", from_tail(2, 3, 5, 4)),
        ("x.unsqueeze(-1)", from_tail(2, 3, 4, 5, 1)),
        ("x.sum(dim=1)", Size(None, True, (None, 4, 5))),
        ("x.sum(dim=-3)", from_tail(2, 4, 5)),
        ("x.sum(dim=(0, -1))", from_tail(3, 4)),
        ("x[:, 0]", from_tail(None, 4, 5)),
        ("x[..., 0]", from_tail(2, 3, 4)),
        ("x[..., None, :2]", from_tail(2, 3, 4, 1, 2)),
        ("x.permute(0, 2, 3, 1)", from_dims(2, 4, 5, 3)),
        ("x.flatten(1)", Size((None, None), True)),
        ("x @ y", from_tail(2, 3, 4, 7)),
        ("nn.Linear(5, 7)(x)", from_tail(2, 3, 4, 7)),
        ("nn.Conv2d(3, 6, 3)(x)", from_tail(6, 2, 3)),
        ("nn.BCELoss(reduction='none')(z, y)", from_dims(5, 7)),
        ("x.squeeze(1)", from_tail(2, 3, 4, 5)),
        ("x.split([1, 1], dim=-1)[0]", from_tail(2, 3, 4, 1)),
        ("torch.stack([z, y], dim=0)", from_dims(2, 5, 7)),
        ("torch.cat([batch, batch], dim=1)", from_dims(None, 6)),
        ("torch.cat([batch, y[:, :3]])", from_dims(None, 3)),
        ("nn.LSTM(3, 4, batch_first=True)(z)[0]", from_tail(None, 4)),
        ("torch.mm(z, y)", from_dims(None, 7)),
        ("torch.zeros(INT, 4).unsqueeze(0)", from_dims(1, None, 4)),
    ],
)
def test_what_is_known_of_the_extents(expression: str, size: Size) -> None:
    tensors = {
        "x": Tensor(from_tail(2, 3, 4, 5)),
        "y": Tensor(from_dims(5, 7)),
        "z": UNSEEN,
        "batch": Tensor(from_dims(None, 3)),
        "INT": INT,
    }
    assert eval(expression, SYMBOLIC | tensors).size == size


def test_extents_as_values() -> None:
    assert shapes.extents(from_dims(None, 3)) == (INT, 3)
    assert shapes.extents(from_tail(3)) is ANY
    assert shapes.extent(from_dims(4, 3), 0) == 4
    assert shapes.extent(from_tail(3), -1) == 3
    assert shapes.extent(from_tail(3), 0) is INT
    assert shapes.extent(from_dims(4, 3), ANY) is INT


@pytest.mark.parametrize("name", [*shape_tables.METHODS, *shape_tables.FUNCTIONS, *shape_tables.MODULES])
def test_nonsense_is_answered_and_not_raised(name: str) -> None:
    for args in ((), (ANY,), (None, None), ("one", 2.5, slice(None)), ((), []), (SCALAR, -7, 9), (UNKNOWN,) * 9):
        shapes.method(name, UNKNOWN, args, {"dim": ANY})
        shapes.method(name, SCALAR, args, {})
        shapes.function(name, args, {"input": UNKNOWN})
        shapes.module(name, args, {}, args)
