"""What stands around the step of an optimizer: schedulers, clipping, gradient scalers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from gradguard.static import optimizers, ownership
from gradguard.static.values import NONE, Arguments, Const, Opaque, Optimizer, Value, walk

if TYPE_CHECKING:
    from gradguard.static.interpreter import Interpreter

__all__ = ["clip", "is_scaler", "make_schedule", "schedule_step", "unscale"]

CLIPS = frozenset({"clip_grad_norm_", "clip_grad_norm", "clip_grad_value_"})

# A limit so high that it limits nothing is a way to ask for the norm.
_NO_LIMIT = 1e5
_METRIC_OR_OTHER = ("ReduceLROnPlateau", "CosineAnnealingWarmRestarts", "AveragedModel")


# --- schedulers ------------------------------------------------------------------------------------------------------


def make_schedule(it: Interpreter, kind: str, arguments: Arguments, path: str) -> Value:
    """A scheduler of torch, or one that is made for an optimizer by a function of a library."""
    made = Opaque("scheduler", called=path, stable=True)
    optimizer = arguments.get(0, "optimizer")
    if kind == "ChainedScheduler" and optimizer is not None:
        inner = [it.trace.schedules.get(part.ident) for part in walk([optimizer]) if isinstance(part, Opaque)]
        optimizer = inner[0] if inner else None
    if isinstance(optimizer, Optimizer) and kind not in _METRIC_OR_OTHER:
        it.trace.schedules[made.ident] = optimizer
    return made


def schedule_step(it: Interpreter, scheduler: Opaque, arguments: Arguments, node: cst.CSTNode) -> None:
    """`scheduler.step()`. With an epoch or a metric it says itself where it stands."""
    if any(True for _ in arguments.all()) or arguments.open:
        return
    optimizer = it.trace.schedules[scheduler.ident]
    name = optimizers.receiver_name(node) or "scheduler"
    it.trace.scheduler_step(node, it.file, name, scheduler.ident, optimizer)


# --- clipping --------------------------------------------------------------------------------------------------------


def clip(it: Interpreter, name: str, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`clip_grad_norm_(parameters, max_norm)`."""
    given = arguments.get(0, "parameters")
    found = optimizers.as_parameters(it, given) if given is not None else None
    if given is not None:
        ownership.consume(it, given, node, f"`{name}`")
    if found is not None and not _limits_nothing(it, arguments, node):
        it.trace.clip(node, it.file, name, found.owners)
    return Opaque("norm")


def _limits_nothing(it: Interpreter, arguments: Arguments, node: cst.CSTNode) -> bool:
    limit = arguments.get(1, "max_norm") or arguments.get(1, "clip_value")
    if isinstance(limit, Const):
        return isinstance(limit.value, (int, float)) and limit.value >= _NO_LIMIT
    others = node.args[1:] if isinstance(node, cst.Call) else ()
    words = " ".join(it.file.module.code_for_node(argument.value) for argument in others)
    return bool(re.search(r"(\b|\d)inf(ty|inity)?\b|scale", words, re.IGNORECASE))


# --- gradient scalers ------------------------------------------------------------------------------------------------


def is_scaler(value: Value, name: str) -> bool:
    """Whether this is a GradScaler that is not surely switched off."""
    if not isinstance(value, Opaque) or value.called == "GradScaler off":
        return False
    return value.called == "GradScaler" or "scaler" in name.rsplit(".", 1)[-1].lower()


def unscale(it: Interpreter, scaler: Opaque, arguments: Arguments, node: cst.CSTNode) -> Value:
    """`scaler.unscale_(optimizer)`, or what `scaler.step(optimizer)` does first."""
    optimizer = arguments.get(0, "optimizer")
    name = optimizers.receiver_name(node)
    if not is_scaler(scaler, name):
        return NONE
    if isinstance(optimizer, Opaque) and optimizers.looks_like_optimizer(it, optimizer):
        optimizer = optimizers.optimizer_of(it, optimizer)
    if isinstance(optimizer, Optimizer):
        it.trace.unscale(node, it.file, name or "scaler", optimizer)
    return NONE
