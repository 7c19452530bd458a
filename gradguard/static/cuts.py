"""What surely has no graph, and why. The opposite of "surely no graph" is "unknown", not "has one"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import syntax
from gradguard.static.values import (
    MADE,
    Const,
    Cut,
    External,
    Instance,
    Module,
    Opaque,
    Owner,
    Parameters,
    Periodic,
    Seq,
    Table,
    Tensor,
    Value,
    walk,
)
from gradguard.static.words import Words

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["cut_of", "joined", "made_by", "of_operation", "surely_trains"]

# Casts and comparisons give values that have no gradient.
DISCRETE = frozenset(
    "argmax argmin argsort eq ne lt le gt ge isnan isinf isfinite any all bool long int short byte nonzero bincount "
    "one_hot equal logical_and logical_or logical_not bernoulli multinomial histc bucketize searchsorted "
    "isclose".split()
)
# A module whose own forward is decorated with no_grad can never be trained.
ABOVE_FORWARD = "above `forward`"
# What nobody does on purpose in the middle of a forward pass. (`.detach()` and a block of `no_grad` may well be meant.)
_HIDDEN = frozenset({"numpy", "rewrap", "data"})
_INTEGERS = frozenset("int8 int16 int32 int64 uint8 bool long int short".split())
_LABELS = Words(
    r"^(y|ys|y_?(true|batch|train)|(true_?)?targets?|(true_?)?labels?|gt|ground_truth|masks?)$", re.IGNORECASE
)
_LOADER = Words(r"(data_?)?load(er|ers)?(_|\d|$)|(^|_)(dl|dataset|batches|dataloader)$|iterator$", re.IGNORECASE)
_CONFIG = Words(r"^(args?|cfg|conf|config|configs|opts?|options|hparams|hps?|flags)$", re.IGNORECASE)
_PLAIN_HINTS = frozenset("extent size len numel dim range shape stride device dtype slice".split())
# The causes that a reader can do something about come first.
_RANK = {"made": 0, "frozen": 1}


def names_loader(name: str) -> bool:
    """Whether a name stands for what gives the batches of a data set."""
    return _LOADER.search(name)


def cut_of(value: Value, depth: int = 4) -> Cut | None:
    """Why the value surely has no graph; None if it has one or that is not known."""
    if isinstance(value, (Const, External, Periodic)):
        return MADE
    if isinstance(value, Tensor):
        return value.cut if value.requires_grad is False else None
    if isinstance(value, Opaque):
        if value.cut is not None:
            return value.cut
        return MADE if _is_plain(value, depth) else None
    if isinstance(value, (Seq, Table)) and depth:
        items = value.items if isinstance(value, Seq) else list(value.items.values())
        return joined(items, depth - 1) if items or value.exact else None
    return None


def _is_plain(value: Opaque, depth: int) -> bool:
    """Whether an unknown value is a size, a setting, or an item of a data set."""
    if value.op is not None or value.reach or value.parameters or value.optimizer:
        return False
    if value.hint in _PLAIN_HINTS or _LABELS.search(value.hint) or value.called == "range":
        return True
    if value.attribute.startswith("in "):
        return _LOADER.search(value.attribute[3:])
    parent = value.parent
    if parent is not None and depth:
        if value.called:
            return False
        return _CONFIG.search(parent.hint) or _is_plain(parent, depth - 1)
    return False


def joined(values: Iterable[Value], depth: int = 4) -> Cut | None:
    """Why something computed from these values surely has no graph; None if one of them may have one."""
    best: Cut | None = MADE
    for value in values:
        cut = cut_of(value, depth)
        if cut is None:
            return None
        assert best is not None
        if _weight(cut) > _weight(best):
            best = cut
    return best


def _weight(cut: Cut) -> tuple[bool, int]:
    return cut.lost, _RANK.get(cut.kind, 2)


def surely_trains(values: Iterable[Value]) -> bool:
    """Whether one of the values surely has a graph, or surely lost one."""
    for value in walk(values):
        if isinstance(value, Tensor) and value.requires_grad:
            return True
        if isinstance(value, Opaque) and value.op is not None and value.op.unsure is None:
            return True
        if isinstance(value, Opaque) and value.parameters:
            return True
        if isinstance(value, (Module, Instance, Parameters)):
            continue
        cut = cut_of(value)
        if cut is not None and cut.lost:
            return True
    return False


def made_by(it: Interpreter, kind: str, node: cst.CSTNode, what: str, given: Iterable[Value]) -> Cut:
    """The cut that an operation makes which has no graph whatever goes in; an earlier cut if there was one."""
    values = list(given)
    earlier = joined(values)
    if earlier is not None and earlier.kind in ("detach", "data") and kind == "numpy":
        # `.detach()` is only what `.numpy()` asks for.
        return Cut(kind, node, it.file, what, earlier.lost, earlier.of)
    if earlier is not None and earlier.kind != "made":
        return earlier
    lost = surely_trains(values)
    return Cut(kind, node, it.file, what, lost, _sources(values)) if earlier is None or lost else MADE


def _sources(values: list[Value]) -> frozenset[Owner]:
    from gradguard.static.tensors import reach_of

    return reach_of(values)


def of_operation(
    it: Interpreter,
    name: str,
    label: str,
    given: list[Value],
    node: cst.CSTNode,
    frozen: Cut | None,
    module: Owner | None,
) -> Cut | None:
    """Why the result of an operation that does not require grad surely has no graph."""
    if name in DISCRETE:
        return made_by(it, "discrete", node, label, given)
    cut = joined(given)
    if it.grad_enabled is False and it.mode_site is not None:
        earlier = next((known for value in given if (known := cut_of(value)) is not None and known.lost), cut)
        if earlier is not None and earlier.lost:
            return earlier
        lost = module is not None or surely_trains(given)
        if cut is None or lost:
            file, place, what = it.mode_site
            return Cut("mode", place, file, what, lost, _sources(given if module is None else [*given, module]))
        return cut
    if cut is not None and frozen is not None and _weight(frozen) > _weight(cut):
        return frozen
    return cut


def is_hidden(cut: Cut) -> bool:
    """Whether a cut in the middle of a forward pass is surely a mistake if what lies before it is to be trained."""
    return cut.lost and (cut.kind in _HIDDEN or (cut.kind == "mode" and cut.what.endswith(ABOVE_FORWARD)))


def is_integer(kind: str) -> bool:
    return kind in _INTEGERS


def shown(node: cst.CSTNode, fallback: str) -> str:
    """`torch.tensor(…)` as the source has it, in short."""
    if type(node) is cst.Call:
        if type(node.func) is cst.Attribute:
            inner = syntax.text(node.func.value)
            name = f"{inner}.{node.func.attr.value}" if inner else f".{node.func.attr.value}"
            if len(name) <= 30:
                return f"{name}({'…' if node.args else ''})"
        if type(node.func) is cst.Name:
            return f"{node.func.value}({'…' if node.args else ''})"
    return fallback
